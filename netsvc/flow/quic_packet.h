#ifndef SLUICE_NETSVC_FLOW_QUIC_PACKET_H_
#define SLUICE_NETSVC_FLOW_QUIC_PACKET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "netsvc/flow/byte_reader.h"

namespace sluice::flow {

enum class QuicVersion : uint32_t {
  kV1 = 0x00000001,  // RFC 9000
  kV2 = 0x6b3343cf,  // RFC 9369
};

inline constexpr size_t kMaxQuicConnectionId = 20;  // RFC 9000 section 17.2

// Every packet has it, but those of extensions that both ends agreed on (RFC
// 9000 section 17.2, RFC 9287).
inline constexpr uint8_t kQuicLongHeader = 0x80;
inline constexpr uint8_t kQuicFixedBit = 0x40;

// A packet with a long header (RFC 9000 section 17.2), as it stands in its
// datagram: still protected.
struct QuicPacket {
  enum class Type { kInitial, kZeroRtt, kHandshake, kRetry };

  Type type = Type::kInitial;
  QuicVersion version = QuicVersion::kV1;
  std::span<const uint8_t> destination_id = {};
  // The whole packet, and where in it the packet number begins. kInitial alone.
  std::span<const uint8_t> bytes = {};
  size_t number_at = 0;
};

// A variable-length integer (RFC 9000 section 16).
uint64_t TakeQuicInteger(ByteReader& reader);

// Takes the packet at the front of `datagram`, which has a long header, off it.
// Nothing: it is of no version above, or malformed.
std::optional<QuicPacket> TakeQuicPacket(std::span<const uint8_t>& datagram);

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_QUIC_PACKET_H_
