#ifndef SLUICE_NETSVC_PACKET_BUILDER_H_
#define SLUICE_NETSVC_PACKET_BUILDER_H_

#include <cstdint>
#include <span>

#include "netsvc/base/endpoint.h"
#include "netsvc/base/mac_address.h"
#include "netsvc/packet/ip_writer.h"
#include "netsvc/packet/packet.h"

// Frames written from nothing, with full checksums. Each writes into the
// caller's buffer and returns the frame's size, or 0 where it does not fit or
// none may be sent (no RST for a RST, RFC 9293 section 3.10.7.1).

namespace sluice::packet {

// Room for every frame below but datagrams and echo replies.
inline constexpr size_t kMaxRejectSize = 1280 + kEthernetHeaderSize;

// The RST that refuses `packet`, a TCP segment: from its destination to its source.
size_t BuildTcpReset(const Packet& packet, const MacAddress& gateway_mac, std::span<uint8_t> out);

// ICMP "administratively prohibited" (type 3 code 13, type 1 code 1) about
// `packet`, from the address it was sent to, quoting it as RFC 1122 section
// 3.2.2 and RFC 4443 section 3.1 say. Not for ICMP errors and multicast.
size_t BuildProhibited(const Packet& packet, const MacAddress& gateway_mac, std::span<uint8_t> out);

// A UDP datagram. Its payload must fit one IP packet (65,507 or 65,527 bytes).
size_t BuildUdp(const Addressing& addressing, std::span<const uint8_t> payload, std::span<uint8_t> out);

// A TCP segment with no payload: to end a connection from either side, or to
// acknowledge.
struct TcpControl {
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
};
size_t BuildTcpControl(const Addressing& addressing, const TcpControl& control, std::span<uint8_t> out);

// An ICMP or ICMPv6 echo reply; the port of `addressing.destination` is the
// identifier.
size_t BuildEchoReply(const Addressing& addressing, uint16_t sequence, std::span<const uint8_t> payload,
                      std::span<uint8_t> out);

// An ICMP or ICMPv6 error of any type and code with `quoted`, the start of the
// guest's own packet (its IP header first). `info` is the second header word:
// the next hop's MTU for "too big".
size_t BuildIcmpError(const Addressing& addressing, uint8_t type, uint8_t code, uint32_t info,
                      std::span<const uint8_t> quoted, std::span<uint8_t> out);

// An ARP reply: `ip` is at `mac`. And the request that announces it.
size_t BuildArpReply(const MacAddress& mac, const IpAddress& ip, const MacAddress& to_mac, const IpAddress& to_ip,
                     std::span<uint8_t> out);
size_t BuildGratuitousArp(const MacAddress& mac, const IpAddress& ip, std::span<uint8_t> out);

// A neighbor advertisement: `ip` is at `mac` (RFC 4861 section 4.4; solicited and
// override set).
size_t BuildNeighborAdvertisement(const MacAddress& mac, const IpAddress& ip, const MacAddress& to_mac,
                                  const IpAddress& to_ip, std::span<uint8_t> out);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_BUILDER_H_
