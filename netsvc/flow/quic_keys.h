#ifndef SLUICE_NETSVC_FLOW_QUIC_KEYS_H_
#define SLUICE_NETSVC_FLOW_QUIC_KEYS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "netsvc/flow/quic_packet.h"

namespace sluice::flow {

// What protects a client's Initial packets (RFC 9001 section 5): keys that anyone
// who saw the first of them can derive. A value.
class QuicKeys {
 public:
  // For a connection whose client addressed its first Initial packet (the first
  // after a Retry) to `destination_id`. Nothing where OpenSSL fails.
  static std::optional<QuicKeys> ForClient(QuicVersion version, std::span<const uint8_t> destination_id);

  struct Opened {
    uint64_t number = 0;
    std::vector<uint8_t> frames;
  };
  // The frames of an Initial packet; nothing where these keys do not fit it or it
  // is malformed. `largest_number`: of the connection's packets so far.
  std::optional<Opened> Open(const QuicPacket& packet, std::optional<uint64_t> largest_number) const;

 private:
  static constexpr size_t kKeySize = 16;  // AES-128-GCM
  static constexpr size_t kNonceSize = 12;

  QuicKeys() = default;

  std::array<uint8_t, kKeySize> key_{};
  std::array<uint8_t, kNonceSize> nonce_{};
  std::array<uint8_t, kKeySize> header_key_{};
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_QUIC_KEYS_H_
