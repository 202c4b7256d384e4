#include "netsvc/packet/packet.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"

namespace sluice::packet {
namespace {

MacAddress LoadMac(const uint8_t* at) {
  MacAddress mac;
  std::copy(at, at + mac.bytes.size(), mac.bytes.begin());
  return mac;
}

// Of SYN, FIN, RST and ACK, what stacks combine: SYN alone or with ACK; else at
// least one of RST and ACK, and FIN never without ACK.
bool PlausibleFlags(uint8_t flags) {
  if ((flags & kSyn) != 0) return (flags & (kFin | kRst)) == 0;
  if ((flags & kFin) != 0) return (flags & kAck) != 0;
  return (flags & (kRst | kAck)) != 0;
}

// Every option's length stays inside the header.
bool PlausibleOptions(std::span<const uint8_t> options) {
  while (!options.empty() && options[0] != tcp::kOptionEnd) {
    size_t size = 1;
    if (options[0] != tcp::kOptionNop) {
      if (options.size() < 2) return false;
      size = options[1];
      if (size < 2 || size > options.size()) return false;
    }
    options = options.subspan(size);
  }
  return true;
}

ParseError ParseTcp(Packet& packet) {
  const std::span<const uint8_t> segment = packet.transport();
  if (segment.size() < kTcpHeaderSize) return ParseError::kTooShort;
  const size_t header_size = size_t{4} * (segment[tcp::kDataOffset] >> 4);
  if (header_size < kTcpHeaderSize) return ParseError::kBadHeader;
  if (header_size > segment.size()) return ParseError::kTooShort;
  packet.source_port = Load16(&segment[tcp::kSourcePort]);
  packet.destination_port = Load16(&segment[tcp::kDestinationPort]);
  packet.sequence = Load32(&segment[tcp::kSequence]);
  packet.acknowledgment = Load32(&segment[tcp::kAcknowledgment]);
  packet.tcp_flags = segment[tcp::kFlags];
  packet.payload_offset = packet.transport_offset + header_size;
  if (!PlausibleFlags(packet.tcp_flags)) return ParseError::kBadHeader;
  if (!PlausibleOptions(segment.subspan(kTcpHeaderSize, header_size - kTcpHeaderSize))) return ParseError::kBadHeader;
  return ParseError::kNone;
}

ParseError ParseUdp(Packet& packet) {
  const std::span<const uint8_t> datagram = packet.transport();
  if (datagram.size() < kUdpHeaderSize) return ParseError::kTooShort;
  const size_t size = Load16(&datagram[udp::kSize]);
  if (size > datagram.size()) return ParseError::kTooShort;
  packet.source_port = Load16(&datagram[udp::kSourcePort]);
  packet.destination_port = Load16(&datagram[udp::kDestinationPort]);
  packet.payload_offset = packet.transport_offset + kUdpHeaderSize;
  // Nobody needs bytes between the datagram's end and the packet's.
  return size == datagram.size() ? ParseError::kNone : ParseError::kBadHeader;
}

ParseError ParseIcmp(Packet& packet) {
  const std::span<const uint8_t> message = packet.transport();
  if (message.size() < kIcmpHeaderSize) return ParseError::kTooShort;
  packet.icmp_type = message[icmp::kType];
  packet.icmp_code = message[icmp::kCode];
  packet.payload_offset = packet.transport_offset + kIcmpHeaderSize;
  if (packet.is_echo_request() || packet.is_echo_reply()) {
    packet.source_port = packet.destination_port = Load16(&message[icmp::kIdentifier]);
    packet.icmp_sequence = Load16(&message[icmp::kSequence]);
  }
  return ParseError::kNone;
}

ParseError ParseTransport(Packet& packet) {
  switch (packet.protocol) {
    case kTcp:
      return ParseTcp(packet);
    case kUdp:
      return ParseUdp(packet);
    case kIcmp:
      return packet.source.is_v4() ? ParseIcmp(packet) : ParseError::kUnsupported;
    case kIcmpv6:
      return packet.source.is_v6() ? ParseIcmp(packet) : ParseError::kUnsupported;
  }
  packet.payload_offset = packet.transport_offset;
  return ParseError::kNone;
}

ParseError ParseIpv4(Packet& packet) {
  const std::span<const uint8_t> ip = packet.frame.subspan(packet.network_offset);
  if (ip.size() < kIpv4HeaderSize) return ParseError::kTooShort;
  const size_t header_size = size_t{4} * (ip[ipv4::kVersionAndHeaderSize] & 0x0f);
  const size_t total_size = Load16(&ip[ipv4::kTotalSize]);
  if (ip[ipv4::kVersionAndHeaderSize] >> 4 != 4 || header_size < kIpv4HeaderSize) return ParseError::kBadHeader;
  if (total_size < header_size || total_size > ip.size()) return ParseError::kTooShort;
  packet.frame = packet.frame.first(packet.network_offset + total_size);
  packet.source = IpAddress::V4Bytes(ip.subspan<ipv4::kSource, IpAddress::kV4Size>());
  packet.destination = IpAddress::V4Bytes(ip.subspan<ipv4::kDestination, IpAddress::kV4Size>());
  packet.protocol = ip[ipv4::kProtocol];
  packet.hop_limit = ip[ipv4::kTtl];
  packet.transport_offset = packet.payload_offset = packet.network_offset + header_size;
  if (header_size != kIpv4HeaderSize) return ParseError::kUnsupported;
  const uint16_t fragment = Load16(&ip[ipv4::kFragment]);
  if ((fragment & ipv4::kReservedFlag) != 0) return ParseError::kBadHeader;
  if ((fragment & (ipv4::kMoreFragments | ipv4::kFragmentOffsetMask)) != 0) return ParseError::kFragment;
  return ParseTransport(packet);
}

ParseError ParseIpv6Fragment(Packet& packet) {
  const std::span<const uint8_t> header = packet.transport();
  if (header.size() < ipv6_fragment::kSize) return ParseError::kTooShort;
  packet.protocol = header[ipv6_fragment::kNextHeader];
  packet.transport_offset += ipv6_fragment::kSize;
  packet.payload_offset = packet.transport_offset;
  return ParseError::kFragment;
}

// Hop-by-hop, routing, authentication, destination options, mobility, HIP and
// shim6 (IANA, "IPv6 Extension Header Types").
bool IsExtensionHeader(uint8_t protocol) {
  return protocol == 0 || protocol == 43 || protocol == 51 || protocol == 60 || protocol == 135 || protocol == 139 ||
         protocol == 140;
}

ParseError ParseIpv6(Packet& packet) {
  const std::span<const uint8_t> ip = packet.frame.subspan(packet.network_offset);
  if (ip.size() < kIpv6HeaderSize) return ParseError::kTooShort;
  if (ip[ipv6::kVersion] >> 4 != 6) return ParseError::kBadHeader;
  const size_t total_size = kIpv6HeaderSize + Load16(&ip[ipv6::kPayloadSize]);
  if (total_size > ip.size()) return ParseError::kTooShort;
  packet.frame = packet.frame.first(packet.network_offset + total_size);
  packet.source = IpAddress::V6Bytes(ip.subspan<ipv6::kSource, IpAddress::kV6Size>());
  packet.destination = IpAddress::V6Bytes(ip.subspan<ipv6::kDestination, IpAddress::kV6Size>());
  packet.protocol = ip[ipv6::kNextHeader];
  packet.hop_limit = ip[ipv6::kHopLimit];
  packet.transport_offset = packet.payload_offset = packet.network_offset + kIpv6HeaderSize;
  if (packet.protocol == ipv6::kFragmentHeader) return ParseIpv6Fragment(packet);
  if (IsExtensionHeader(packet.protocol)) return ParseError::kUnsupported;
  return ParseTransport(packet);
}

}  // namespace

bool Packet::is_echo_request() const {
  return source.is_v4() ? protocol == kIcmp && icmp_type == icmp::kEchoRequest
                        : protocol == kIcmpv6 && icmp_type == icmpv6::kEchoRequest;
}

bool Packet::is_echo_reply() const {
  return source.is_v4() ? protocol == kIcmp && icmp_type == icmp::kEchoReply
                        : protocol == kIcmpv6 && icmp_type == icmpv6::kEchoReply;
}

ParseError Parse(std::span<uint8_t> frame, Packet& packet) {
  packet = Packet();
  packet.frame = frame;
  if (frame.size() < kEthernetHeaderSize) return ParseError::kTooShort;
  packet.source_mac = LoadMac(&frame[ethernet::kSource]);
  packet.destination_mac = LoadMac(&frame[ethernet::kDestination]);
  packet.ether_type = Load16(&frame[ethernet::kType]);
  packet.network_offset = kEthernetHeaderSize;
  packet.transport_offset = packet.payload_offset = kEthernetHeaderSize;
  switch (packet.ether_type) {
    case kEtherTypeIpv4:
      return ParseIpv4(packet);
    case kEtherTypeIpv6:
      return ParseIpv6(packet);
    case kEtherTypeArp:
      return ParseError::kNone;
  }
  return ParseError::kUnsupported;
}

}  // namespace sluice::packet
