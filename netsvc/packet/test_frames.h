#ifndef SLUICE_NETSVC_PACKET_TEST_FRAMES_H_
#define SLUICE_NETSVC_PACKET_TEST_FRAMES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/strings/string_view.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/mac_address.h"
#include "netsvc/packet/ip_writer.h"

// Frames for tests, put together byte by byte as the RFCs draw them, with
// nothing of what they test but the header offsets. Checksums come from a sum
// that adds two bytes at a time.

namespace sluice::packet {

using Bytes = std::vector<uint8_t>;

// Die on text that does not parse.
IpAddress Ip(absl::string_view text);
Endpoint At(absl::string_view text);
MacAddress Mac(absl::string_view text);

// Between two endpoints of one family, from 02:00:00:00:00:01 (a guest) to
// 02:00:00:00:00:fe (a gateway).
Addressing Between(absl::string_view source, absl::string_view destination);
MacAddress GuestMac();
MacAddress GatewayMac();

// RFC 1071, the slow way.
uint16_t NaiveSum(std::span<const uint8_t> bytes, uint32_t initial = 0);

struct TcpFields {
  uint8_t flags = 0x10;  // ACK
  uint32_t sequence = 1000;
  uint32_t acknowledgment = 2000;
  uint16_t urgent_pointer = 0;
  Bytes options = {};  // a multiple of 4
  Bytes payload = {};
};

// `count` bytes that are not all alike.
Bytes Pattern(size_t count);
// A DHCP client's message without options.
Bytes DhcpMessage(const MacAddress& client);

// Whole frames with right checksums.
Bytes TcpFrame(const Addressing& addressing, const TcpFields& fields);
Bytes UdpFrame(const Addressing& addressing, const Bytes& payload);
// ICMP or ICMPv6; `body` is what follows the checksum.
Bytes IcmpFrame(const Addressing& addressing, uint8_t type, uint8_t code, const Bytes& body);
// Any protocol; `transport` as it is.
Bytes IpFrame(const Addressing& addressing, uint8_t protocol, const Bytes& transport);
Bytes ArpFrame(uint16_t operation, const MacAddress& sender_mac, const IpAddress& sender_ip,
               const IpAddress& target_ip);

// The payload of `frame`, a whole packet, from byte `begin` to `end`, as a
// fragment of packet `identification`. More fragments follow unless `last`.
Bytes FragmentOf(const Bytes& frame, size_t begin, size_t end, bool last, uint32_t identification);

// `frame` with an IPv4 identification, as it stands in what FragmentOf() makes of
// it; IPv6 has none outside its fragments.
Bytes Identified(Bytes frame, uint16_t identification);

// Makes the IPv4 header's and the transport's checksums right again after bytes
// were changed.
void FixChecksums(Bytes& frame);

// Whether all checksums of a frame are right, UDP's absence over IPv4 included.
bool ChecksumsAreRight(std::span<const uint8_t> frame);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_TEST_FRAMES_H_
