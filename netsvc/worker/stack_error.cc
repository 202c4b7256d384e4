#include "netsvc/worker/stack_error.h"

#include <algorithm>
#include <vector>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/builder.h"
#include "netsvc/packet/checksum.h"
#include "netsvc/packet/headers.h"

namespace sluice {
namespace {

using flow::Flow;
using flow::FlowKey;
using packet::Packet;

// The ports: all of a transport header that an error must quote (RFC 792).
constexpr size_t kPortsSize = 4;

// Where things stand in a quoted packet.
struct Quoted {
  bool v6 = false;
  uint8_t protocol = 0;
  size_t source = 0;
  size_t destination = 0;
  size_t transport = 0;
};

std::optional<Quoted> ReadQuoted(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return std::nullopt;
  Quoted quoted;
  quoted.v6 = bytes[0] >> 4 == 6;
  quoted.transport = quoted.v6 ? packet::kIpv6HeaderSize : size_t{bytes[0]} % 16 * 4;
  if (quoted.transport < packet::kIpv4HeaderSize || bytes.size() < quoted.transport + kPortsSize) return std::nullopt;
  quoted.protocol = bytes[quoted.v6 ? packet::ipv6::kNextHeader : packet::ipv4::kProtocol];
  quoted.source = quoted.v6 ? packet::ipv6::kSource : packet::ipv4::kSource;
  quoted.destination = quoted.v6 ? packet::ipv6::kDestination : packet::ipv4::kDestination;
  return quoted;
}

IpAddress LoadAddress(std::span<const uint8_t> bytes, bool v6) {
  return v6 ? IpAddress::V6Bytes(bytes.first<IpAddress::kV6Size>())
            : IpAddress::V4Bytes(bytes.first<IpAddress::kV4Size>());
}

void StoreAddress(const IpAddress& address, std::span<uint8_t> out) {
  std::copy(address.bytes().begin(), address.bytes().end(), out.begin());
}

}  // namespace

bool IsIcmpError(const Packet& packet) {
  if (packet.protocol == packet::kIcmpv6) return packet.icmp_type < packet::icmpv6::kFirstInformational;
  if (packet.protocol != packet::kIcmp) return false;
  return packet.icmp_type == packet::icmp::kDestinationUnreachable ||
         packet.icmp_type == packet::icmp::kTimeExceeded || packet.icmp_type == packet::icmp::kParameterProblem;
}

std::optional<FlowKey> KeyOfQuoted(const Packet& error) {
  const std::span<const uint8_t> bytes = error.payload();
  const std::optional<Quoted> quoted = ReadQuoted(bytes);
  if (!quoted) return std::nullopt;
  FlowKey key;
  if (quoted->protocol == packet::kTcp) key.protocol = v1::PROTOCOL_TCP;
  if (quoted->protocol == packet::kUdp) key.protocol = v1::PROTOCOL_UDP;
  if (key.protocol == v1::PROTOCOL_UNSPECIFIED) return std::nullopt;
  key.guest = {LoadAddress(bytes.subspan(quoted->source), quoted->v6), Load16(&bytes[quoted->transport])};
  key.remote = {LoadAddress(bytes.subspan(quoted->destination), quoted->v6), Load16(&bytes[quoted->transport + 2])};
  return key;
}

size_t TranslateError(const Packet& error, const Flow& flow, const Subnet& subnet, std::span<uint8_t> out) {
  std::vector<uint8_t> bytes(error.payload().begin(), error.payload().end());
  const std::optional<Quoted> quoted = ReadQuoted(bytes);
  const FlowKey& seen = flow.guest_side;
  // Of a flow whose family changes on the way nothing can be quoted.
  if (!quoted || quoted->v6 != seen.remote.address.is_v6()) return 0;
  StoreAddress(seen.guest.address, std::span(bytes).subspan(quoted->source));
  StoreAddress(seen.remote.address, std::span(bytes).subspan(quoted->destination));
  Store16(&bytes[quoted->transport], seen.guest.port);
  Store16(&bytes[quoted->transport + 2], seen.remote.port);
  if (!quoted->v6) packet::FillIpv4Checksum(std::span(bytes).first(quoted->transport));
  const IpAddress& offender = flow.translated() ? seen.remote.address : error.source;
  const packet::Addressing addressing{subnet.gateway_mac, subnet.guest_mac, {offender, 0}, seen.guest};
  const uint32_t info = Load32(&error.transport()[packet::icmp::kRest]);
  return packet::BuildIcmpError(addressing, error.icmp_type, error.icmp_code, info, bytes, out);
}

bool IsTooBig(const Packet& error) {
  if (error.protocol == packet::kIcmpv6) return error.icmp_type == packet::icmpv6::kPacketTooBig;
  return error.icmp_type == packet::icmp::kDestinationUnreachable &&
         error.icmp_code == packet::icmp::kCodeFragmentationNeeded;
}

void SetNextHopMtu(Packet& error, uint16_t mtu) { Store32(&error.transport()[packet::icmp::kRest], mtu); }

std::optional<IpAddress> NeighborAsked(const Packet& packet) {
  const std::span<const uint8_t> arp = packet.frame.subspan(packet::kEthernetHeaderSize);
  if (packet.ether_type == packet::kEtherTypeArp) {
    if (arp.size() < packet::kArpSize || Load16(&arp[packet::arp::kOperation]) != packet::arp::kRequest) {
      return std::nullopt;
    }
    return LoadAddress(arp.subspan(packet::arp::kTargetIp), false);
  }
  if (packet.protocol != packet::kIcmpv6 || packet.icmp_type != packet::icmpv6::kNeighborSolicitation) {
    return std::nullopt;
  }
  const std::span<const uint8_t> message = packet.transport();
  if (message.size() < packet::icmpv6::kNeighborSize) return std::nullopt;
  return LoadAddress(message.subspan(packet::icmpv6::kTarget), true);
}

}  // namespace sluice
