#include "netsvc/policy/prefix_region.h"

#include <algorithm>
#include <array>

#include "netsvc/policy/address_groups.h"

namespace sluice::policy {
namespace {

// Prefixes of IPv6 under which an IPv4 address stands whole, and at which bit
// (docs/policy.md, "Carriers").
struct Carrier {
  const char* prefix;
  int carried_at;
};
constexpr Carrier kCarriers[] = {{"::ffff:0:0/96", 96}, {"64:ff9b::/96", 96}, {"2002::/16", 16}};

IpPrefix Carried(const Carrier& carrier, const IpPrefix& ipv4) {
  const IpPrefix outer = IpPrefix::Parse(carrier.prefix).value();
  std::array<uint8_t, IpAddress::kV6Size> bytes;
  std::ranges::copy(outer.address().bytes(), bytes.begin());
  std::ranges::copy(ipv4.address().bytes(), bytes.begin() + carrier.carried_at / 8);
  return IpPrefix(IpAddress::V6Bytes(bytes), carrier.carried_at + ipv4.length());
}

// What an IPv6 prefix carries whole; itself where that is nothing.
PrefixRegion Unwrap(const IpPrefix& ipv6) {
  for (const Carrier& carrier : kCarriers) {
    if (ipv6.length() < carrier.carried_at || !IpPrefix::Parse(carrier.prefix).value().Contains(ipv6.address())) continue;
    uint32_t ipv4 = 0;
    for (size_t i = 0; i < 4; ++i) ipv4 = ipv4 << 8 | ipv6.address().bytes()[static_cast<size_t>(carrier.carried_at) / 8 + i];
    const int length = std::min(ipv6.length() - carrier.carried_at, 32);
    return {ipv6, IpPrefix(IpAddress::V4(ipv4), length), carrier.carried_at};
  }
  return {.prefix = ipv6, .unwrapped = ipv6};
}

}  // namespace

bool Contains(const IpPrefix& outer, const IpPrefix& inner) {
  return outer.length() <= inner.length() && outer.Contains(inner.address());
}

std::vector<PrefixRegion> WithCarriers(const IpPrefix& prefix) {
  if (prefix.address().is_v6()) return {Unwrap(prefix)};
  std::vector<PrefixRegion> regions = {{.prefix = prefix, .unwrapped = prefix}};
  for (const Carrier& carrier : kCarriers) regions.push_back({Carried(carrier, prefix), prefix, carrier.carried_at});
  return regions;
}

v1::AddressGroup GroupOf(const IpPrefix& prefix) {
  for (const GroupPrefix& row : GroupPrefixes()) {
    if (Contains(row.prefix, prefix)) return row.group;
  }
  return v1::ADDRESS_GROUP_PUBLIC;
}

}  // namespace sluice::policy
