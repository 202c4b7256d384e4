#include "netsvc/packet/sanitizer.h"

#include <algorithm>
#include <optional>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/checksum.h"
#include "netsvc/packet/neighbor_discovery.h"

namespace sluice::packet {
namespace {

constexpr uint16_t kRightSum = 0xffff;  // of data that holds its own right checksum

// RFC 2131 section 4.1, RFC 8415 section 7.2.
constexpr uint16_t kDhcpServerPort = 67;
constexpr uint16_t kDhcpClientPort = 68;
constexpr uint16_t kDhcpv6ClientPort = 546;
constexpr uint16_t kDhcpv6ServerPort = 547;
constexpr IpAddress kLimitedBroadcast = IpAddress::V4(0xffffffff);

// ff02::1:2, where DHCPv6 servers and relays listen (RFC 8415 section 7.1).
bool IsAllDhcpServers(const IpAddress& address) {
  static constexpr uint8_t kAddress[] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2};
  return std::ranges::equal(address.bytes(), kAddress);
}

// fe80::/10.
bool IsLinkLocal(const IpAddress& address) {
  return address.is_v6() && address.bytes()[0] == 0xfe && (address.bytes()[1] & 0xc0) == 0x80;
}

// ff02::/16.
bool IsLinkLocalMulticast(const IpAddress& address) {
  return address.is_v6() && address.bytes()[0] == 0xff && address.bytes()[1] == 0x02;
}

bool GoodIpv4Checksum(const Packet& packet) {
  return Sum(packet.frame.subspan(packet.network_offset, kIpv4HeaderSize)) == kRightSum;
}

bool FitsOffload(const Packet& packet, const Offload& offload) {
  switch (offload.segmentation) {
    case Offload::Segmentation::kNone:
      return true;
    case Offload::Segmentation::kTcpV4:
      return packet.is_tcp() && packet.source.is_v4() && offload.partial_checksum && offload.segment_size > 0;
    case Offload::Segmentation::kTcpV6:
      return packet.is_tcp() && packet.source.is_v6() && offload.partial_checksum && offload.segment_size > 0;
  }
  return false;
}

// Fills in a partial checksum, verifies any other.
bool CompleteChecksum(const Packet& packet, const Offload& offload) {
  const std::optional<size_t> offset = ChecksumOffset(packet.protocol);
  if (!offset) return true;
  if (offload.partial_checksum && (packet.is_tcp() || packet.is_udp())) {
    FillTransportChecksum(packet.source, packet.destination, packet.protocol, packet.transport());
    return true;
  }
  const bool absent = packet.is_udp() && Load16(&packet.transport()[*offset]) == 0;
  if (absent) return packet.source.is_v4();  // RFC 768, RFC 8200 section 8.1
  return TransportSum(packet.source, packet.destination, packet.protocol, packet.transport()) == kRightSum;
}

void StoreCounted(uint8_t* field, uint16_t value, uint8_t* checksum) {
  Store16(checksum, UpdateChecksum(Load16(checksum), Load16(field), value));
  Store16(field, value);
}

// An urgent pointer past the data makes libslirp read its heap (CVE-2026-9539).
// What was urgent becomes data like any other, as RFC 6093 advises.
void ClearUrgent(Packet& packet) {
  uint8_t* const segment = packet.transport().data();
  if ((packet.tcp_flags & kUrg) == 0 && Load16(segment + tcp::kUrgentPointer) == 0) return;
  packet.tcp_flags &= static_cast<uint8_t>(~kUrg);
  const uint16_t flags = static_cast<uint16_t>(Load16(segment + tcp::kDataOffset) & ~uint16_t{kUrg});
  StoreCounted(segment + tcp::kDataOffset, flags, segment + tcp::kChecksum);
  StoreCounted(segment + tcp::kUrgentPointer, 0, segment + tcp::kChecksum);
}

// The limited broadcast, where DHCP goes anyway, if there is none.
IpAddress FirstIpv4(const std::vector<IpAddress>& addresses) {
  const auto found = std::find_if(addresses.begin(), addresses.end(), [](const IpAddress& a) { return a.is_v4(); });
  return found == addresses.end() ? kLimitedBroadcast : *found;
}

}  // namespace

Sanitizer::Sanitizer(const Options& options)
    : options_(options), dhcp_server_(FirstIpv4(options.gateway_addresses)) {}

Sanitizer::Result Sanitizer::Process(const Frame& frame, absl::Duration now) {
  Result result;
  const Finding finding = Judge(frame, now, result.packet);
  result.verdict = finding.verdict;
  result.problem = finding.problem;
  return result;
}

Sanitizer::Finding Sanitizer::NotParsed(ParseError error) {
  switch (error) {
    case ParseError::kTooShort:
      return Malformed("length that does not fit");
    case ParseError::kNone:
    case ParseError::kBadHeader:
      return Malformed("header that no stack sends");
    case ParseError::kBadChecksum:
      return Malformed("bad checksum");
    case ParseError::kFragment:
      return Malformed("fragment of a fragment");
    case ParseError::kUnsupported:
      return Unsupported("unsupported protocol, option or extension header");
  }
  return Malformed("header that no stack sends");
}

Sanitizer::Finding Sanitizer::Judge(const Frame& frame, absl::Duration now, Packet& packet) {
  if (frame.bytes.size() > kMaxFrameSize) return Malformed("frame too long");
  const ParseError error = Parse(frame.bytes, packet);
  if (frame.bytes.size() < kEthernetHeaderSize) return Malformed("frame too short");
  if (packet.source_mac != options_.guest_mac || packet.source_mac.is_group()) {
    return Malformed("source MAC address that is not the guest's");
  }
  if (error == ParseError::kFragment) return JudgeFragment(frame.offload, now, packet);
  if (error != ParseError::kNone) return NotParsed(error);
  if (packet.ether_type == kEtherTypeArp) return JudgeArp(packet);
  return JudgeWhole(frame.offload, packet);
}

Sanitizer::Finding Sanitizer::JudgeArp(Packet& packet) const {
  if (packet.frame.size() < kEthernetHeaderSize + kArpSize) return Malformed("ARP too short");
  packet.frame = packet.frame.first(kEthernetHeaderSize + kArpSize);
  const std::span<const uint8_t> body = packet.frame.subspan(kEthernetHeaderSize);
  const uint16_t operation = Load16(&body[arp::kOperation]);
  if (Load16(&body[arp::kHardwareType]) != arp::kHardwareEthernet ||
      Load16(&body[arp::kProtocolType]) != kEtherTypeIpv4 ||
      body[arp::kHardwareSize] != options_.guest_mac.bytes.size() || body[arp::kProtocolSize] != IpAddress::kV4Size ||
      (operation != arp::kRequest && operation != arp::kReply)) {
    return Malformed("ARP of another kind");
  }
  const IpAddress sender = IpAddress::V4(Load32(&body[arp::kSenderIp]));
  const bool probe = sender.IsUnspecified() && operation == arp::kRequest;  // RFC 5227 section 1.1
  if (!std::ranges::equal(body.subspan(arp::kSenderMac, options_.guest_mac.bytes.size()), options_.guest_mac.bytes) ||
      (!probe && sender != options_.guest_ipv4)) {
    return Malformed("ARP sender that is not the guest");
  }
  return {Verdict::kArp};
}

Sanitizer::Finding Sanitizer::JudgeFragment(const Offload& offload, absl::Duration now, Packet& packet) {
  if (offload.partial_checksum || offload.segmentation != Offload::Segmentation::kNone) {
    return Malformed("fragment left to offload");
  }
  if (packet.source.is_v4() && !GoodIpv4Checksum(packet)) return Malformed("bad IPv4 header checksum");
  if (!IsGuestAddress(packet.source)) return Malformed("source address that is not the guest's");
  const Reassembler::Result result = reassembler_.Add(packet, now);
  switch (result.outcome) {
    case Reassembler::Outcome::kHeld:
      return {Verdict::kHeld};
    case Reassembler::Outcome::kOverlapping:
      return Malformed("fragments that overlap");
    case Reassembler::Outcome::kTiny:
      return Malformed("first fragment without the whole header");
    case Reassembler::Outcome::kMisfit:
      return Malformed("fragment that does not fit its packet");
    case Reassembler::Outcome::kCondemned:
      return Malformed("fragment of a refused packet");
    case Reassembler::Outcome::kWhole:
      break;
  }
  const ParseError error = Parse(result.frame, packet);
  return error == ParseError::kNone ? JudgeWhole(Offload(), packet) : NotParsed(error);
}

Sanitizer::Finding Sanitizer::JudgeWhole(const Offload& offload, Packet& packet) const {
  if (packet.source.is_v4() && !GoodIpv4Checksum(packet)) return Malformed("bad IPv4 header checksum");
  if (packet.source == packet.destination) return Malformed("source that is the destination");
  if (!FitsOffload(packet, offload)) return Malformed("segmentation that does not fit the packet");
  const Finding finding = packet.source.is_v4() ? JudgeIpv4Source(packet) : JudgeIpv6Source(packet);
  if (finding.verdict == Verdict::kMalformed || finding.verdict == Verdict::kUnsupported) return finding;
  if (!CompleteChecksum(packet, offload)) return Malformed("bad checksum");
  if (packet.is_tcp()) ClearUrgent(packet);
  return finding;
}

Sanitizer::Finding Sanitizer::JudgeIpv4Source(const Packet& packet) const {
  if (IsDhcp(packet)) return IsOfGuest(packet.payload()) ? Finding{Verdict::kDhcp} : Malformed("DHCP of another client");
  if (!IsGuestAddress(packet.source)) return Malformed("source address that is not the guest's");
  return {Verdict::kPacket};
}

// libslirp keeps addresses for 16 clients, and loses the memory of its answer to each
// message of one more.
bool Sanitizer::IsOfGuest(std::span<const uint8_t> dhcp) const {
  const auto& mac = options_.guest_mac.bytes;
  return dhcp.size() >= dhcp::kOptions && dhcp[dhcp::kHardwareSize] == mac.size() &&
         std::ranges::equal(dhcp.subspan(dhcp::kClientMac, mac.size()), mac);
}

Sanitizer::Finding Sanitizer::JudgeIpv6Source(const Packet& packet) const {
  if (IsHostNeighborDiscovery(packet)) return JudgeNeighborDiscovery(packet);
  if (IsLinkNoise(packet)) return Unsupported("listener report or router message");
  if (IsDhcpv6(packet)) return {Verdict::kDhcp};
  if (IsGuestLinkLocal(packet.source)) return Unsupported("link-local source");
  if (!IsGuestAddress(packet.source)) return Malformed("source address that is not the guest's");
  return {Verdict::kPacket};
}

Sanitizer::Finding Sanitizer::JudgeNeighborDiscovery(const Packet& packet) const {
  const char* const problem = NeighborDiscoveryProblem(packet);
  if (problem != nullptr) return Malformed(problem);
  const auto is_guest = [this](const IpAddress& a) { return IsGuestAddress(a) || IsGuestLinkLocal(a); };
  if (!packet.source.IsUnspecified() && !is_guest(packet.source)) {
    return Malformed("source address that is not the guest's");
  }
  if (packet.icmp_type == icmpv6::kNeighborAdvertisement && !is_guest(NeighborTarget(packet))) {
    return Malformed("neighbor advertisement of another's address");
  }
  if (!IsLinkLocalMulticast(packet.destination) && !IsLinkLocal(packet.destination) &&
      !options_.ipv6_subnet.Contains(packet.destination)) {
    return Malformed("neighbor discovery that leaves the link");
  }
  return {Verdict::kNeighborDiscovery};
}

bool Sanitizer::IsGatewayAddress(const IpAddress& address) const {
  return std::ranges::find(options_.gateway_addresses, address) != options_.gateway_addresses.end();
}

bool Sanitizer::IsGuestAddress(const IpAddress& address) const {
  if (address.is_v4()) return address == options_.guest_ipv4;
  // The first of a subnet belongs to its routers (RFC 4291 section 2.6.1).
  return options_.ipv6_subnet.Contains(address) && address != options_.ipv6_subnet.address() &&
         !IsGatewayAddress(address);
}

bool Sanitizer::IsGuestLinkLocal(const IpAddress& address) const {
  return IsLinkLocal(address) && !IsGatewayAddress(address);
}

// Nowhere but to the gateway: libslirp forwards every other datagram to port 67.
bool Sanitizer::IsDhcp(const Packet& packet) const {
  return packet.is_udp() && packet.source_port == kDhcpClientPort && packet.destination_port == kDhcpServerPort &&
         (packet.source.IsUnspecified() || IsGuestAddress(packet.source)) &&
         (packet.destination == kLimitedBroadcast || packet.destination == dhcp_server_);
}

bool Sanitizer::IsDhcpv6(const Packet& packet) const {
  return packet.is_udp() && packet.source_port == kDhcpv6ClientPort &&
         packet.destination_port == kDhcpv6ServerPort && IsAllDhcpServers(packet.destination) &&
         (IsGuestLinkLocal(packet.source) || IsGuestAddress(packet.source));
}

}  // namespace sluice::packet
