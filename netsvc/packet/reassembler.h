#ifndef SLUICE_NETSVC_PACKET_REASSEMBLER_H_
#define SLUICE_NETSVC_PACKET_REASSEMBLER_H_

#include <cstdint>
#include <list>
#include <memory>
#include <span>

#include "absl/time/time.h"
#include "netsvc/packet/packet.h"

namespace sluice::packet {

// Puts IPv4 and IPv6 packets together from their fragments, within bounds: the
// guest decides how many it leaves unfinished.
//
// Stricter than the RFCs where strictness costs no honest stack anything: a
// fragment that overlaps, contradicts or lies outside its packet condemns the
// whole packet (RFC 5722, RFC 8200 section 4.5), and its later fragments are
// refused until its time is out. Single-threaded.
class Reassembler {
 public:
  // Packets in the making at once, condemned ones included; when full, the
  // oldest makes room.
  static constexpr size_t kMaxSets = 64;
  // From a packet's first fragment to arrive (RFC 791 asks for 15 s or more;
  // Linux: 30 s).
  static constexpr absl::Duration kLifetime = absl::Seconds(30);

  // Since construction. Every fragment given counts once among the first group.
  struct Counters {
    uint64_t held = 0;         // kept, or the one that made its packet whole
    uint64_t overlapping = 0;  // bytes that another fragment carried already
    uint64_t tiny = 0;         // a first fragment without a whole transport header
    uint64_t misfit = 0;       // length not of 8, empty, past 64 KiB or past the last fragment
    uint64_t condemned = 0;    // of a packet that was condemned before

    uint64_t whole = 0;    // packets put together
    uint64_t expired = 0;  // packets unfinished when their time was out
    uint64_t evicted = 0;  // packets that made room for newer ones
  };

  enum class Outcome : uint8_t { kHeld, kWhole, kOverlapping, kTiny, kMisfit, kCondemned };

  struct Result {
    Outcome outcome = Outcome::kHeld;
    // kWhole: the frame, with the first fragment's headers, its length and IPv4
    // checksum corrected, no trace of fragmentation left. Until the next Add().
    std::span<uint8_t> frame;
  };

  Reassembler();
  ~Reassembler();
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;

  // `fragment` is one that Parse() called kFragment, of a verified source. `now`
  // is monotonic time.
  Result Add(const Packet& fragment, absl::Duration now);

  const Counters& counters() const { return counters_; }

 private:
  // What the fragments of one packet share (RFC 791, RFC 8200 section 4.5).
  struct Key {
    IpAddress source;
    IpAddress destination;
    uint32_t identification = 0;
    uint8_t protocol = 0;  // IPv4 only

    friend bool operator==(const Key&, const Key&) = default;
  };

  // Where a fragment's data belongs.
  struct Piece {
    Key key;
    size_t begin = 0;  // in the packet's payload
    size_t end = 0;
    bool last = false;
  };

  class Set;

  static Piece PieceOf(const Packet& fragment);
  // Adds to `set`; where that makes it whole, moves it to whole_ and `frame`.
  Outcome AddTo(Set& set, const Packet& fragment, const Piece& piece, std::span<uint8_t>& frame);
  std::list<Set>::iterator FindOrAdd(const Key& key, absl::Duration now);
  void Expire(absl::Duration now);
  void Count(Outcome outcome);

  std::list<Set> sets_;  // oldest first
  std::unique_ptr<uint8_t[]> whole_;  // the last Result's frame
  Counters counters_;
};

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_REASSEMBLER_H_
