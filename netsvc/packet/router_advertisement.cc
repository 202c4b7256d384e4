#include "netsvc/packet/router_advertisement.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/headers.h"

namespace sluice::packet {
namespace {

constexpr size_t kUnit = icmpv6::kOptionUnit;
constexpr size_t kFixedSize = 16;
constexpr size_t kMacSize = kUnit;
constexpr size_t kMtuSize = kUnit;
constexpr size_t kPrefixSize = 4 * kUnit;
constexpr size_t kDnsSize = 3 * kUnit;
constexpr size_t kSize = kFixedSize + kMacSize + kMtuSize + kPrefixSize + kDnsSize;
static_assert(kRouterAdvertisementFrameSize == kEthernetHeaderSize + kIpv6HeaderSize + kSize);

constexpr uint8_t kOptionPrefix = 3;
constexpr uint8_t kOptionMtu = 5;
constexpr uint8_t kOptionDns = 25;
constexpr uint8_t kOnLinkAndAutonomous = 0xc0;

constexpr uint8_t kGuestHopLimit = 64;
// RFC 4861 section 6.2.1, its defaults; seconds.
constexpr uint16_t kRouterLifetime = 1800;
constexpr uint32_t kValidLifetime = 2'592'000;
constexpr uint32_t kPreferredLifetime = 604'800;

void StoreAddress(const IpAddress& address, uint8_t* at) {
  std::copy(address.bytes().begin(), address.bytes().end(), at);
}

uint8_t* StoreOption(uint8_t* at, uint8_t type, size_t size) {
  at[0] = type;
  at[1] = static_cast<uint8_t>(size / kUnit);
  return at + size;
}

}  // namespace

bool IsRouterAdvertisement(const Packet& packet) {
  return packet.protocol == kIcmpv6 && packet.icmp_type == icmpv6::kRouterAdvertisement;
}

size_t BuildRouterAdvertisement(const Addressing& addressing, const RouterAdvertisement& advertisement,
                                std::span<uint8_t> out) {
  IpWriter writer(addressing, kIcmpv6, kSize, out);
  if (!writer.ok() || addressing.source.address.is_v4()) return 0;
  writer.SetHopLimit(icmpv6::kNeighborDiscoveryHopLimit);
  const std::span<uint8_t> message = writer.transport();
  std::fill(message.begin(), message.end(), uint8_t{0});
  message[icmp::kType] = icmpv6::kRouterAdvertisement;
  message[icmp::kRest] = kGuestHopLimit;
  Store16(&message[icmp::kRest + 2], kRouterLifetime);

  uint8_t* const mac = &message[kFixedSize];
  uint8_t* const mtu = StoreOption(mac, icmpv6::kOptionSourceMac, kMacSize);
  uint8_t* const prefix = StoreOption(mtu, kOptionMtu, kMtuSize);
  uint8_t* const dns = StoreOption(prefix, kOptionPrefix, kPrefixSize);
  StoreOption(dns, kOptionDns, kDnsSize);
  std::copy(addressing.source_mac.bytes.begin(), addressing.source_mac.bytes.end(), mac + 2);
  Store32(mtu + 4, advertisement.mtu);
  prefix[2] = static_cast<uint8_t>(advertisement.prefix.length());
  prefix[3] = kOnLinkAndAutonomous;
  Store32(prefix + 4, kValidLifetime);
  Store32(prefix + 8, kPreferredLifetime);
  StoreAddress(advertisement.prefix.address(), prefix + 16);
  Store32(dns + 4, kRouterLifetime);
  StoreAddress(advertisement.dns, dns + 8);
  return writer.Finish();
}

}  // namespace sluice::packet
