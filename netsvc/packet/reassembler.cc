#include "netsvc/packet/reassembler.h"

#include <algorithm>
#include <bitset>
#include <limits>
#include <utility>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/checksum.h"

namespace sluice::packet {
namespace {

constexpr size_t kUnit = 8;  // what offsets count in, and every fragment but the last is a multiple of
constexpr size_t kMaxUnits = 65536 / kUnit;

// Less than this of a transport header in a first fragment hides ports or flags
// (RFC 1858, RFC 7112).
size_t MinFirstSize(uint8_t protocol) { return protocol == kTcp ? kTcpHeaderSize : kUdpHeaderSize; }

}  // namespace

// One packet in the making, or condemned.
class Reassembler::Set {
 public:
  Set(const Key& key, absl::Duration deadline)
      : key_(key),
        deadline_(deadline),
        header_size_(kEthernetHeaderSize + (key.source.is_v6() ? kIpv6HeaderSize : kIpv4HeaderSize)),
        frame_(std::make_unique_for_overwrite<uint8_t[]>(kMaxFrameSize)) {}

  const Key& key() const { return key_; }
  absl::Duration deadline() const { return deadline_; }
  bool condemned() const { return frame_ == nullptr; }

  Outcome Add(const Packet& fragment, const Piece& piece) {
    if (condemned()) return Outcome::kCondemned;
    const Outcome outcome = Check(piece, fragment.protocol);
    if (outcome != Outcome::kHeld) {
      frame_.reset();
      return outcome;
    }
    Copy(fragment, piece);
    return received_ == total_ ? Outcome::kWhole : Outcome::kHeld;
  }

  // After kWhole: the frame, and its buffer.
  size_t frame_size() const { return header_size_ + total_; }
  std::unique_ptr<uint8_t[]> TakeFrame() {
    uint8_t* const ip = &frame_[kEthernetHeaderSize];
    if (key_.source.is_v6()) {
      Store16(ip + ipv6::kPayloadSize, static_cast<uint16_t>(total_));
      ip[ipv6::kNextHeader] = first_protocol_;
    } else {
      Store16(ip + ipv4::kTotalSize, static_cast<uint16_t>(kIpv4HeaderSize + total_));
      Store16(ip + ipv4::kFragment, 0);
      FillIpv4Checksum({ip, kIpv4HeaderSize});
    }
    return std::move(frame_);
  }

 private:
  static constexpr size_t kUnknown = std::numeric_limits<size_t>::max();

  Outcome Check(const Piece& piece, uint8_t protocol) const {
    const size_t size = piece.end - piece.begin;
    const size_t limit = key_.source.is_v6() ? kMaxIpPayloadV6 : kMaxIpPayloadV4;
    if (size == 0 || piece.end > limit || (!piece.last && size % kUnit != 0)) return Outcome::kMisfit;
    for (size_t unit = piece.begin / kUnit; unit * kUnit < piece.end; ++unit) {
      if (filled_[unit]) return Outcome::kOverlapping;
    }
    if (piece.end > total_) return Outcome::kMisfit;
    if (piece.last && (total_ != kUnknown || piece.end < highest_)) return Outcome::kMisfit;
    if (piece.begin == 0 && !piece.last && size < MinFirstSize(protocol)) return Outcome::kTiny;
    return Outcome::kHeld;
  }

  void Copy(const Packet& fragment, const Piece& piece) {
    const std::span<const uint8_t> data = fragment.transport();
    std::copy(data.begin(), data.end(), &frame_[header_size_ + piece.begin]);
    for (size_t unit = piece.begin / kUnit; unit * kUnit < piece.end; ++unit) filled_.set(unit);
    received_ += data.size();
    highest_ = std::max(highest_, piece.end);
    if (piece.last) total_ = piece.end;
    if (piece.begin > 0) return;
    const std::span<const uint8_t> headers = fragment.frame.first(header_size_);
    std::copy(headers.begin(), headers.end(), frame_.get());
    first_protocol_ = fragment.protocol;
  }

  const Key key_;
  const absl::Duration deadline_;
  const size_t header_size_;          // Ethernet and IP
  std::unique_ptr<uint8_t[]> frame_;  // kMaxFrameSize bytes; none once condemned
  std::bitset<kMaxUnits> filled_;
  size_t received_ = 0;
  size_t highest_ = 0;
  size_t total_ = kUnknown;  // of the payload, once the last fragment is there
  uint8_t first_protocol_ = 0;
};

Reassembler::Reassembler() = default;
Reassembler::~Reassembler() = default;

Reassembler::Result Reassembler::Add(const Packet& fragment, absl::Duration now) {
  whole_.reset();
  Expire(now);
  const Piece piece = PieceOf(fragment);
  Result result;
  if (piece.begin == 0 && piece.last) {
    // Whole by itself, and none of the others' business (RFC 6946).
    Set alone(piece.key, now);
    result.outcome = AddTo(alone, fragment, piece, result.frame);
  } else {
    const auto set = FindOrAdd(piece.key, now);
    result.outcome = AddTo(*set, fragment, piece, result.frame);
    if (result.outcome == Outcome::kWhole) sets_.erase(set);
  }
  return result;
}

Reassembler::Outcome Reassembler::AddTo(Set& set, const Packet& fragment, const Piece& piece,
                                        std::span<uint8_t>& frame) {
  const Outcome outcome = set.Add(fragment, piece);
  Count(outcome);
  if (outcome == Outcome::kWhole) {
    whole_ = set.TakeFrame();
    frame = {whole_.get(), set.frame_size()};
  }
  return outcome;
}

Reassembler::Piece Reassembler::PieceOf(const Packet& fragment) {
  const uint8_t* const ip = &fragment.frame[fragment.network_offset];
  Piece piece{.key = {.source = fragment.source, .destination = fragment.destination}};
  if (fragment.source.is_v6()) {
    const uint8_t* const header = ip + kIpv6HeaderSize;
    const uint16_t offset = Load16(header + ipv6_fragment::kOffset);
    piece.key.identification = Load32(header + ipv6_fragment::kIdentification);
    piece.begin = offset & ipv6_fragment::kOffsetMask;
    piece.last = (offset & ipv6_fragment::kMoreFragments) == 0;
  } else {
    const uint16_t offset = Load16(ip + ipv4::kFragment);
    piece.key.identification = Load16(ip + ipv4::kIdentification);
    piece.key.protocol = fragment.protocol;
    piece.begin = kUnit * (offset & ipv4::kFragmentOffsetMask);
    piece.last = (offset & ipv4::kMoreFragments) == 0;
  }
  piece.end = piece.begin + fragment.transport().size();
  return piece;
}

void Reassembler::Expire(absl::Duration now) {
  while (!sets_.empty() && sets_.front().deadline() <= now) {
    if (!sets_.front().condemned()) ++counters_.expired;
    sets_.pop_front();
  }
}

std::list<Reassembler::Set>::iterator Reassembler::FindOrAdd(const Key& key, absl::Duration now) {
  const auto found = std::find_if(sets_.begin(), sets_.end(), [&](const Set& set) { return set.key() == key; });
  if (found != sets_.end()) return found;
  if (sets_.size() == kMaxSets) {
    ++counters_.evicted;
    sets_.pop_front();
  }
  return sets_.emplace(sets_.end(), key, now + kLifetime);
}

void Reassembler::Count(Outcome outcome) {
  switch (outcome) {
    case Outcome::kWhole:
      ++counters_.whole;
      [[fallthrough]];
    case Outcome::kHeld:
      ++counters_.held;
      return;
    case Outcome::kOverlapping:
      ++counters_.overlapping;
      return;
    case Outcome::kTiny:
      ++counters_.tiny;
      return;
    case Outcome::kMisfit:
      ++counters_.misfit;
      return;
    case Outcome::kCondemned:
      ++counters_.condemned;
      return;
  }
}

}  // namespace sluice::packet
