#include "netsvc/packet/test_frames.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/headers.h"

namespace sluice::packet {
namespace {

void Append(Bytes& to, std::span<const uint8_t> bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

void Append16(Bytes& to, size_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

void Append32(Bytes& to, uint32_t value) {
  Append16(to, value >> 16);
  Append16(to, value & 0xffff);
}

bool IsV6(std::span<const uint8_t> frame) { return Load16(&frame[ethernet::kType]) == kEtherTypeIpv6; }

size_t HeaderSize(std::span<const uint8_t> frame) {
  return kEthernetHeaderSize + (IsV6(frame) ? kIpv6HeaderSize : kIpv4HeaderSize);
}

uint8_t ProtocolOf(std::span<const uint8_t> frame) {
  return frame[kEthernetHeaderSize + (IsV6(frame) ? ipv6::kNextHeader : ipv4::kProtocol)];
}

// Nothing for a protocol without.
uint8_t* ChecksumField(Bytes& frame) {
  uint8_t* const transport = frame.data() + HeaderSize(frame);
  const uint8_t protocol = ProtocolOf(frame);
  if (protocol == kTcp) return transport + 16;
  if (protocol == kUdp) return transport + 6;
  if (protocol == kIcmp || protocol == kIcmpv6) return transport + 2;
  return nullptr;
}

uint16_t NaiveTransportSum(std::span<const uint8_t> frame) {
  const std::span<const uint8_t> transport = frame.subspan(HeaderSize(frame));
  const uint8_t protocol = ProtocolOf(frame);
  if (protocol == kIcmp) return NaiveSum(transport);
  const std::span<const uint8_t> ip = frame.subspan(kEthernetHeaderSize);
  const std::span<const uint8_t> addresses = IsV6(frame) ? ip.subspan(8, 32) : ip.subspan(12, 8);
  const uint32_t pseudo = NaiveSum(addresses) + uint32_t{protocol} + static_cast<uint32_t>(transport.size());
  return NaiveSum(transport, pseudo);
}

void AppendIpv4Header(Bytes& frame, const Addressing& addressing, uint8_t protocol, size_t size) {
  Append(frame, Bytes{0x45, 0});
  Append16(frame, kIpv4HeaderSize + size);
  Append(frame, Bytes{0, 0, 0, 0, 64, protocol, 0, 0});
  Append(frame, addressing.source.address.bytes());
  Append(frame, addressing.destination.address.bytes());
}

void AppendIpv6Header(Bytes& frame, const Addressing& addressing, uint8_t protocol, size_t size) {
  Append(frame, Bytes{0x60, 0, 0, 0});
  Append16(frame, size);
  Append(frame, Bytes{protocol, 64});
  Append(frame, addressing.source.address.bytes());
  Append(frame, addressing.destination.address.bytes());
}

}  // namespace

IpAddress Ip(absl::string_view text) { return IpAddress::Parse(text).value(); }
Endpoint At(absl::string_view text) { return Endpoint::Parse(text).value(); }
MacAddress Mac(absl::string_view text) { return MacAddress::Parse(text).value(); }

MacAddress GuestMac() { return Mac("02:00:00:00:00:01"); }
MacAddress GatewayMac() { return Mac("02:00:00:00:00:fe"); }

Addressing Between(absl::string_view source, absl::string_view destination) {
  return {GuestMac(), GatewayMac(), At(source), At(destination)};
}

uint16_t NaiveSum(std::span<const uint8_t> bytes, uint32_t initial) {
  uint64_t sum = initial;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += uint32_t{bytes[i]} << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

Bytes DhcpMessage(const MacAddress& client) {
  Bytes message(240);
  message[0] = 1;  // a request,
  message[1] = 1;  // over Ethernet
  message[2] = static_cast<uint8_t>(client.bytes.size());
  std::ranges::copy(client.bytes, message.begin() + 28);
  Store32(&message[236], 0x63825363);
  return message;
}

Bytes Pattern(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + (i >> 8));
  return bytes;
}

Bytes IpFrame(const Addressing& addressing, uint8_t protocol, const Bytes& transport) {
  Bytes frame;
  const bool v6 = addressing.source.address.is_v6();
  Append(frame, addressing.destination_mac.bytes);
  Append(frame, addressing.source_mac.bytes);
  Append16(frame, v6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  if (v6) {
    AppendIpv6Header(frame, addressing, protocol, transport.size());
  } else {
    AppendIpv4Header(frame, addressing, protocol, transport.size());
  }
  Append(frame, transport);
  if (!v6) Store16(&frame[kEthernetHeaderSize + 10], static_cast<uint16_t>(~NaiveSum({&frame[14], 20})));
  return frame;
}

Bytes TcpFrame(const Addressing& addressing, const TcpFields& fields) {
  Bytes segment;
  Append16(segment, addressing.source.port);
  Append16(segment, addressing.destination.port);
  Append32(segment, fields.sequence);
  Append32(segment, fields.acknowledgment);
  segment.push_back(static_cast<uint8_t>((kTcpHeaderSize + fields.options.size()) / 4 << 4));
  segment.push_back(fields.flags);
  Append16(segment, 65535);  // window
  Append16(segment, 0);
  Append16(segment, fields.urgent_pointer);
  Append(segment, fields.options);
  Append(segment, fields.payload);
  Bytes frame = IpFrame(addressing, kTcp, segment);
  FixChecksums(frame);
  return frame;
}

Bytes UdpFrame(const Addressing& addressing, const Bytes& payload) {
  Bytes datagram;
  Append16(datagram, addressing.source.port);
  Append16(datagram, addressing.destination.port);
  Append16(datagram, kUdpHeaderSize + payload.size());
  Append16(datagram, 0);
  Append(datagram, payload);
  Bytes frame = IpFrame(addressing, kUdp, datagram);
  FixChecksums(frame);
  return frame;
}

Bytes IcmpFrame(const Addressing& addressing, uint8_t type, uint8_t code, const Bytes& body) {
  Bytes message = {type, code, 0, 0};
  Append(message, body);
  Bytes frame = IpFrame(addressing, addressing.source.address.is_v6() ? kIcmpv6 : kIcmp, message);
  FixChecksums(frame);
  return frame;
}

Bytes ArpFrame(uint16_t operation, const MacAddress& sender_mac, const IpAddress& sender_ip,
               const IpAddress& target_ip) {
  Bytes frame;
  Append(frame, Mac("ff:ff:ff:ff:ff:ff").bytes);
  Append(frame, sender_mac.bytes);
  Append(frame, Bytes{0x08, 0x06, 0, 1, 0x08, 0, 6, 4});
  Append16(frame, operation);
  Append(frame, sender_mac.bytes);
  Append(frame, sender_ip.bytes());
  Append(frame, MacAddress().bytes);
  Append(frame, target_ip.bytes());
  return frame;
}

Bytes FragmentOf(const Bytes& frame, size_t begin, size_t end, bool last, uint32_t identification) {
  const size_t header_size = HeaderSize(frame);
  Bytes fragment(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(header_size));
  uint8_t* const ip = &fragment[kEthernetHeaderSize];
  if (IsV6(frame)) {
    Store16(ip + 4, static_cast<uint16_t>(8 + end - begin));
    const uint8_t protocol = ip[6];
    ip[6] = 44;
    Append(fragment, Bytes{protocol, 0});
    Append16(fragment, begin | (last ? 0 : 1));
    Append32(fragment, identification);
  } else {
    Store16(ip + 2, static_cast<uint16_t>(kIpv4HeaderSize + end - begin));
    Store16(ip + 4, static_cast<uint16_t>(identification));
    Store16(ip + 6, static_cast<uint16_t>((last ? 0 : 0x2000) | begin / 8));
    Store16(ip + 10, 0);
    Store16(ip + 10, static_cast<uint16_t>(~NaiveSum({ip, kIpv4HeaderSize})));
  }
  Append(fragment, std::span(frame).subspan(header_size + begin, end - begin));
  return fragment;
}

Bytes Identified(Bytes frame, uint16_t identification) {
  if (!IsV6(frame)) Store16(&frame[kEthernetHeaderSize + 4], identification);
  FixChecksums(frame);
  return frame;
}

void FixChecksums(Bytes& frame) {
  if (!IsV6(frame)) {
    uint8_t* const ip = &frame[kEthernetHeaderSize];
    Store16(ip + 10, 0);
    Store16(ip + 10, static_cast<uint16_t>(~NaiveSum({ip, kIpv4HeaderSize})));
  }
  uint8_t* const field = ChecksumField(frame);
  if (field == nullptr) return;
  Store16(field, 0);
  uint16_t checksum = static_cast<uint16_t>(~NaiveTransportSum(frame));
  if (ProtocolOf(frame) == kUdp && checksum == 0) checksum = 0xffff;
  Store16(field, checksum);
}

bool ChecksumsAreRight(std::span<const uint8_t> frame) {
  if (!IsV6(frame) && NaiveSum(frame.subspan(kEthernetHeaderSize, kIpv4HeaderSize)) != 0xffff) return false;
  const uint8_t protocol = ProtocolOf(frame);
  const bool checked = protocol == kTcp || protocol == kUdp || protocol == kIcmp || protocol == kIcmpv6;
  if (!checked) return true;
  const bool absent = protocol == kUdp && Load16(&frame[HeaderSize(frame) + 6]) == 0;
  return absent ? !IsV6(frame) : NaiveTransportSum(frame) == 0xffff;
}

}  // namespace sluice::packet
