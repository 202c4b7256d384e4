#include "netsvc/flow/quic_crypto_stream.h"

#include "netsvc/flow/byte_reader.h"
#include "netsvc/flow/inspection.h"
#include "netsvc/flow/quic_packet.h"

namespace sluice::flow {
namespace {

// RFC 9000 section 19; those that an Initial packet may carry (section 12.4).
constexpr uint64_t kPadding = 0x00;
constexpr uint64_t kPing = 0x01;
constexpr uint64_t kAck = 0x02;
constexpr uint64_t kAckEcn = 0x03;
constexpr uint64_t kCrypto = 0x06;
constexpr uint64_t kConnectionClose = 0x1c;

// Section 19.3
void SkipAck(ByteReader& frames, bool ecn) {
  TakeQuicInteger(frames);  // the largest acknowledged, the delay
  TakeQuicInteger(frames);
  uint64_t ranges = TakeQuicInteger(frames);
  TakeQuicInteger(frames);  // the first range
  for (; ranges > 0 && frames.ok(); --ranges) {
    TakeQuicInteger(frames);
    TakeQuicInteger(frames);
  }
  for (int counts = ecn ? 3 : 0; counts > 0; --counts) TakeQuicInteger(frames);
}

// Section 19.19
void SkipConnectionClose(ByteReader& frames) {
  TakeQuicInteger(frames);  // the error, the frame that it is about
  TakeQuicInteger(frames);
  frames.Take(TakeQuicInteger(frames));
}

}  // namespace

bool QuicCryptoStream::AddFrames(std::span<const uint8_t> packet) {
  ByteReader frames(packet);
  while (frames.ok() && !frames.empty()) {
    const uint64_t type = frames.Integer(1);
    if (type == kPadding || type == kPing) continue;
    if (type == kAck || type == kAckEcn) {
      SkipAck(frames, type == kAckEcn);
    } else if (type == kConnectionClose) {
      SkipConnectionClose(frames);
    } else if (type == kCrypto) {
      const uint64_t offset = TakeQuicInteger(frames);
      const std::span<const uint8_t> piece = frames.Take(TakeQuicInteger(frames));
      if (!frames.ok() || !Add(offset, piece)) return false;
    } else {
      return false;
    }
  }
  return frames.ok();
}

bool QuicCryptoStream::Add(uint64_t offset, std::span<const uint8_t> piece) {
  if (offset > kMaxInspected || piece.size() > kMaxInspected - offset) return false;
  const size_t end = offset + piece.size();
  if (end > bytes_.size()) {
    bytes_.resize(end);
    present_.resize(end);
  }
  for (size_t i = 0; i < piece.size(); ++i) {
    const size_t at = offset + i;
    if (present_[at] && bytes_[at] != piece[i]) return false;
    bytes_[at] = piece[i];
    present_[at] = true;
  }
  while (prefix_ < bytes_.size() && present_[prefix_]) ++prefix_;
  return true;
}

}  // namespace sluice::flow
