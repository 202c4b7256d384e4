#ifndef SLUICE_NETSVC_FLOW_TEST_QUIC_H_
#define SLUICE_NETSVC_FLOW_TEST_QUIC_H_

#include <cstdint>
#include <optional>

#include "netsvc/flow/quic_packet.h"
#include "netsvc/flow/test_client_hello.h"

// Packets of a QUIC client for tests, put together and sealed after RFC 9000 and
// 9001 with nothing of what they test but the numbers of versions.

namespace sluice::flow {

// RFC 9000 section 16; of `size` bytes, or of the fewest that hold it.
Bytes QuicInteger(uint64_t value, size_t size = 0);

// RFC 9000 section 19.6
Bytes CryptoFrame(uint64_t offset, const Bytes& piece);

// RFC 9001 section 5: key, nonce and key of the header.
struct SealingKeys {
  Bytes key;
  Bytes nonce;
  Bytes header_key;
};
SealingKeys ClientKeys(QuicVersion version, const Bytes& destination_id);

struct InitialPacket {
  QuicVersion version = QuicVersion::kV1;
  Bytes destination_id = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};  // RFC 9001 appendix A
  Bytes source_id = {};
  Bytes token = {};
  uint64_t number = 0;
  size_t number_size = 4;
  Bytes frames = {};
  size_t padded_to = 1162;  // the frames; so much makes a datagram of 1,200 bytes
  std::optional<SealingKeys> keys = {};  // else those of destination_id
};
Bytes Seal(const InitialPacket& packet);

// A packet with another long header and a payload of no meaning.
Bytes LongPacket(uint8_t first, QuicVersion version, const Bytes& destination_id);

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_TEST_QUIC_H_
