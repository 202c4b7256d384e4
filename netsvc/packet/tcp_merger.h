#ifndef SLUICE_NETSVC_PACKET_TCP_MERGER_H_
#define SLUICE_NETSVC_PACKET_TCP_MERGER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "netsvc/packet/packet.h"

namespace sluice::packet {

// Makes one packet of TCP segments that follow one another, for a link that cuts
// large ones itself: one such packet costs its receiver little more than one
// segment. Holds one packet at most. One thread.
class TcpMerger {
 public:
  // Smaller payloads begin no packet: who sends them waits for an answer.
  static constexpr size_t kMinPayload = 8192;

  bool empty() const { return held_.frame.empty(); }
  // Nothing may follow: its sender had no more to say (PSH).
  bool complete() const { return (held_.tcp_flags & kPsh) != 0; }

  // Takes in a copy of `packet`, a TCP packet, to be cut to `segment_size`. False,
  // and nothing changed, where it does not follow what is held, or where nothing
  // is and it is none to begin with.
  bool Take(const Packet& packet, uint16_t segment_size);

  // What is held, which is then gone; of something. Its transport checksum is the
  // caller's to fill in. Lives until the next Take.
  struct Merged {
    Packet packet;
    uint16_t segment_size;
  };
  Merged Release();

  void Clear() { held_ = {}; }

 private:
  bool Follows(const Packet& packet, uint16_t segment_size) const;

  std::vector<uint8_t> buffer_;
  Packet held_;  // in the buffer
  uint16_t segment_size_ = 0;
};

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_TCP_MERGER_H_
