#ifndef SLUICE_NETSVC_FLOW_QUIC_CRYPTO_STREAM_H_
#define SLUICE_NETSVC_FLOW_QUIC_CRYPTO_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::flow {

// The handshake that a QUIC client sends in CRYPTO frames (RFC 9000 section
// 19.6), put together from pieces in any order. Owned by the inspector of its
// flow; holds as much as the furthest piece asks for, kMaxInspected at most. One
// thread.
class QuicCryptoStream {
 public:
  // False: the frames of `packet`, an Initial packet's payload, are malformed or
  // not allowed there, reach past kMaxInspected, or bring other bytes for a place
  // than were there.
  bool AddFrames(std::span<const uint8_t> packet);

  // From the first byte to the first gap.
  std::span<const uint8_t> prefix() const { return std::span(bytes_).first(prefix_); }
  // As many bytes as it holds.
  size_t size() const { return bytes_.size(); }

 private:
  bool Add(uint64_t offset, std::span<const uint8_t> piece);

  std::vector<uint8_t> bytes_;
  std::vector<bool> present_;  // of bytes_
  size_t prefix_ = 0;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_QUIC_CRYPTO_STREAM_H_
