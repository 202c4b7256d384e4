#include "netsvc/packet/builder.h"

#include <algorithm>
#include <bit>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/checksum.h"
#include "netsvc/packet/ip_writer.h"

namespace sluice::packet {
namespace {

// The whole ICMP error, IP header included: RFC 1812 section 4.3.2.3 and RFC
// 4443 section 2.4 (c).
constexpr size_t kMaxErrorPacketV4 = 576;
constexpr size_t kMaxErrorPacketV6 = 1280;

constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

void StoreMac(uint8_t* at, const MacAddress& mac) { std::copy(mac.bytes.begin(), mac.bytes.end(), at); }

// Multicast and the limited broadcast: no answer comes from them.
bool IsGroupAddress(const IpAddress& address) {
  if (address.is_v6()) return address.bytes()[0] == 0xff;
  return address.v4() >> 28 == 0xe || address.v4() == 0xffffffff;
}

bool IsIcmpError(const Packet& packet) {
  if (packet.protocol == kIcmpv6) return packet.icmp_type < icmpv6::kFirstInformational;
  if (packet.protocol != kIcmp) return false;
  return packet.icmp_type == icmp::kDestinationUnreachable || packet.icmp_type == icmp::kSourceQuench ||
         packet.icmp_type == icmp::kRedirect || packet.icmp_type == icmp::kTimeExceeded ||
         packet.icmp_type == icmp::kParameterProblem;
}

bool IsIp(const Packet& packet) {
  return packet.ether_type == kEtherTypeIpv4 || packet.ether_type == kEtherTypeIpv6;
}

// From where `packet` went to where it came from.
Addressing AnswerTo(const Packet& packet, const MacAddress& gateway_mac) {
  return {gateway_mac, packet.source_mac, packet.destination_endpoint(), packet.source_endpoint()};
}

// Writes an ICMP header but for its checksum.
void WriteIcmp(std::span<uint8_t> message, uint8_t type, uint8_t code, uint32_t rest) {
  message[icmp::kType] = type;
  message[icmp::kCode] = code;
  Store32(&message[icmp::kRest], rest);
}

uint8_t IcmpProtocolOf(const Addressing& addressing) { return addressing.source.address.is_v6() ? kIcmpv6 : kIcmp; }

struct Arp {
  uint16_t operation;
  MacAddress sender_mac;
  IpAddress sender_ip;
  MacAddress target_mac;
  IpAddress target_ip;
};

size_t BuildArp(const Arp& arp, const MacAddress& to, std::span<uint8_t> out) {
  constexpr size_t kSize = kEthernetHeaderSize + kArpSize;
  if (out.size() < kSize || arp.sender_ip.is_v6() || arp.target_ip.is_v6()) return 0;
  StoreMac(&out[ethernet::kDestination], to);
  StoreMac(&out[ethernet::kSource], arp.sender_mac);
  Store16(&out[ethernet::kType], kEtherTypeArp);
  const std::span<uint8_t> body = out.subspan(kEthernetHeaderSize);
  Store16(&body[arp::kHardwareType], arp::kHardwareEthernet);
  Store16(&body[arp::kProtocolType], kEtherTypeIpv4);
  body[arp::kHardwareSize] = static_cast<uint8_t>(arp.sender_mac.bytes.size());
  body[arp::kProtocolSize] = IpAddress::kV4Size;
  Store16(&body[arp::kOperation], arp.operation);
  StoreMac(&body[arp::kSenderMac], arp.sender_mac);
  Store32(&body[arp::kSenderIp], arp.sender_ip.v4());
  StoreMac(&body[arp::kTargetMac], arp.target_mac);
  Store32(&body[arp::kTargetIp], arp.target_ip.v4());
  return kSize;
}

}  // namespace

size_t BuildTcpReset(const Packet& packet, const MacAddress& gateway_mac, std::span<uint8_t> out) {
  if (!packet.is_tcp() || (packet.tcp_flags & kRst) != 0 || IsGroupAddress(packet.destination)) return 0;
  TcpControl reset;
  if ((packet.tcp_flags & kAck) != 0) {
    reset.sequence = packet.acknowledgment;
    reset.flags = kRst;
  } else {
    const int numbered_flags = std::popcount(static_cast<uint8_t>(packet.tcp_flags & (kSyn | kFin)));
    const size_t length = packet.payload().size() + static_cast<size_t>(numbered_flags);
    reset.acknowledgment = packet.sequence + static_cast<uint32_t>(length);
    reset.flags = kRst | kAck;
  }
  return BuildTcpControl(AnswerTo(packet, gateway_mac), reset, out);
}

size_t BuildProhibited(const Packet& packet, const MacAddress& gateway_mac, std::span<uint8_t> out) {
  if (!IsIp(packet) || IsIcmpError(packet) || IsGroupAddress(packet.destination)) return 0;
  const bool v6 = packet.source.is_v6();
  const uint8_t type = v6 ? icmpv6::kDestinationUnreachable : icmp::kDestinationUnreachable;
  const uint8_t code = v6 ? icmpv6::kCodeProhibited : icmp::kCodeProhibited;
  return BuildIcmpError(AnswerTo(packet, gateway_mac), type, code, 0, packet.frame.subspan(packet.network_offset),
                        out);
}

size_t BuildUdp(const Addressing& addressing, std::span<const uint8_t> payload, std::span<uint8_t> out) {
  IpWriter writer(addressing, kUdp, kUdpHeaderSize + payload.size(), out);
  if (!writer.ok()) return 0;
  const std::span<uint8_t> datagram = writer.transport();
  Store16(&datagram[udp::kSourcePort], addressing.source.port);
  Store16(&datagram[udp::kDestinationPort], addressing.destination.port);
  Store16(&datagram[udp::kSize], static_cast<uint16_t>(datagram.size()));
  std::copy(payload.begin(), payload.end(), datagram.begin() + kUdpHeaderSize);
  return writer.Finish();
}

size_t BuildTcpControl(const Addressing& addressing, const TcpControl& control, std::span<uint8_t> out) {
  IpWriter writer(addressing, kTcp, kTcpHeaderSize, out);
  if (!writer.ok()) return 0;
  const std::span<uint8_t> segment = writer.transport();
  Store16(&segment[tcp::kSourcePort], addressing.source.port);
  Store16(&segment[tcp::kDestinationPort], addressing.destination.port);
  Store32(&segment[tcp::kSequence], control.sequence);
  Store32(&segment[tcp::kAcknowledgment], control.acknowledgment);
  segment[tcp::kDataOffset] = tcp::kDataOffsetOf5Words;
  segment[tcp::kFlags] = control.flags;
  Store16(&segment[tcp::kWindow], control.window);
  Store16(&segment[tcp::kUrgentPointer], 0);
  return writer.Finish();
}

size_t BuildEchoReply(const Addressing& addressing, uint16_t sequence, std::span<const uint8_t> payload,
                      std::span<uint8_t> out) {
  IpWriter writer(addressing, IcmpProtocolOf(addressing), kIcmpHeaderSize + payload.size(), out);
  if (!writer.ok()) return 0;
  const uint8_t type = addressing.source.address.is_v6() ? icmpv6::kEchoReply : icmp::kEchoReply;
  const std::span<uint8_t> message = writer.transport();
  WriteIcmp(message, type, 0, uint32_t{addressing.destination.port} << 16 | sequence);
  std::copy(payload.begin(), payload.end(), message.begin() + kIcmpHeaderSize);
  return writer.Finish();
}

size_t BuildIcmpError(const Addressing& addressing, uint8_t type, uint8_t code, uint32_t info,
                      std::span<const uint8_t> quoted, std::span<uint8_t> out) {
  const size_t room = addressing.source.address.is_v6() ? kMaxErrorPacketV6 - kIpv6HeaderSize - kIcmpHeaderSize
                                                        : kMaxErrorPacketV4 - kIpv4HeaderSize - kIcmpHeaderSize;
  const std::span<const uint8_t> quote = quoted.first(std::min(quoted.size(), room));
  IpWriter writer(addressing, IcmpProtocolOf(addressing), kIcmpHeaderSize + quote.size(), out);
  if (!writer.ok()) return 0;
  const std::span<uint8_t> message = writer.transport();
  WriteIcmp(message, type, code, info);
  std::copy(quote.begin(), quote.end(), message.begin() + kIcmpHeaderSize);
  return writer.Finish();
}

size_t BuildArpReply(const MacAddress& mac, const IpAddress& ip, const MacAddress& to_mac, const IpAddress& to_ip,
                     std::span<uint8_t> out) {
  return BuildArp({arp::kReply, mac, ip, to_mac, to_ip}, to_mac, out);
}

size_t BuildGratuitousArp(const MacAddress& mac, const IpAddress& ip, std::span<uint8_t> out) {
  return BuildArp({arp::kRequest, mac, ip, MacAddress{}, ip}, kBroadcastMac, out);
}

size_t BuildNeighborAdvertisement(const MacAddress& mac, const IpAddress& ip, const MacAddress& to_mac,
                                  const IpAddress& to_ip, std::span<uint8_t> out) {
  if (ip.is_v4()) return 0;
  const Addressing addressing{mac, to_mac, {ip, 0}, {to_ip, 0}};
  IpWriter writer(addressing, kIcmpv6, icmpv6::kNeighborSize + icmpv6::kOptionUnit, out);
  if (!writer.ok()) return 0;
  writer.SetHopLimit(icmpv6::kNeighborDiscoveryHopLimit);
  const std::span<uint8_t> message = writer.transport();
  WriteIcmp(message, icmpv6::kNeighborAdvertisement, 0, icmpv6::kSolicitedAndOverride);
  const std::span<const uint8_t> target = ip.bytes();
  std::copy(target.begin(), target.end(), message.begin() + icmpv6::kTarget);
  message[icmpv6::kNeighborSize] = icmpv6::kOptionTargetMac;
  message[icmpv6::kNeighborSize + 1] = 1;  // its length in units
  StoreMac(&message[icmpv6::kNeighborSize + 2], mac);
  return writer.Finish();
}

}  // namespace sluice::packet
