#include "netsvc/packet/neighbor_discovery.h"

#include <span>

namespace sluice::packet {
namespace {

constexpr uint8_t kSolicitedFlag = 0x40;  // in the first byte after the checksum

bool IsMulticast(const IpAddress& address) { return address.bytes()[0] == 0xff; }

bool HasTarget(const Packet& packet) { return packet.icmp_type != icmpv6::kRouterSolicitation; }

// All of `options`, each with a length that is not zero and stays inside.
bool PlausibleOptions(std::span<const uint8_t> options) {
  while (!options.empty()) {
    if (options.size() < icmpv6::kOptionUnit || options[1] == 0) return false;
    const size_t size = icmpv6::kOptionUnit * options[1];
    if (size > options.size()) return false;
    options = options.subspan(size);
  }
  return true;
}

// `options` are plausible.
bool HasOption(std::span<const uint8_t> options, uint8_t type) {
  for (; !options.empty(); options = options.subspan(icmpv6::kOptionUnit * options[1])) {
    if (options[0] == type) return true;
  }
  return false;
}

const char* UnspecifiedSourceProblem(const Packet& packet, std::span<const uint8_t> options) {
  if (packet.icmp_type == icmpv6::kNeighborAdvertisement) return "neighbor advertisement from ::";
  if (HasOption(options, icmpv6::kOptionSourceMac)) return "link-layer address of ::";
  if (packet.icmp_type == icmpv6::kNeighborSolicitation && !IsMulticast(packet.destination)) {
    return "address detection that is not multicast";
  }
  return nullptr;
}

}  // namespace

bool IsHostNeighborDiscovery(const Packet& packet) {
  return packet.protocol == kIcmpv6 && (packet.icmp_type == icmpv6::kRouterSolicitation ||
                                        packet.icmp_type == icmpv6::kNeighborSolicitation ||
                                        packet.icmp_type == icmpv6::kNeighborAdvertisement);
}

bool IsLinkNoise(const Packet& packet) {
  if (packet.protocol != kIcmpv6) return false;
  switch (packet.icmp_type) {
    case icmpv6::kListenerQuery:
    case icmpv6::kListenerReport:
    case icmpv6::kListenerDone:
    case icmpv6::kListenerReportV2:
    case icmpv6::kRouterAdvertisement:
    case icmpv6::kRedirect:
      return true;
  }
  return false;
}

const char* NeighborDiscoveryProblem(const Packet& packet) {
  const std::span<const uint8_t> message = packet.transport();
  const size_t fixed_size = HasTarget(packet) ? icmpv6::kNeighborSize : icmpv6::kRouterSolicitationSize;
  if (packet.hop_limit != icmpv6::kNeighborDiscoveryHopLimit) return "neighbor discovery from off the link";
  if (packet.icmp_code != 0) return "neighbor discovery of an unknown code";
  if (message.size() < fixed_size) return "neighbor discovery too short";
  const std::span<const uint8_t> options = message.subspan(fixed_size);
  if (!PlausibleOptions(options)) return "neighbor discovery option of a bad length";
  if (HasTarget(packet) && IsMulticast(NeighborTarget(packet))) return "neighbor discovery about a multicast address";
  if (packet.source.IsUnspecified()) return UnspecifiedSourceProblem(packet, options);
  if (packet.icmp_type == icmpv6::kNeighborAdvertisement && IsMulticast(packet.destination) &&
      (message[icmp::kRest] & kSolicitedFlag) != 0) {
    return "solicited advertisement that is multicast";
  }
  return nullptr;
}

IpAddress NeighborTarget(const Packet& packet) {
  const std::span<const uint8_t> message = packet.transport();
  return IpAddress::V6Bytes(message.subspan<icmpv6::kTarget, IpAddress::kV6Size>());
}

}  // namespace sluice::packet
