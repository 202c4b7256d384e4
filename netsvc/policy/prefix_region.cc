#include "netsvc/policy/prefix_region.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/ipv4_carrier.h"

namespace sluice::policy {
namespace {

constexpr size_t kReservedOctet = 8;  // RFC 6052 section 2.2: "u", which carries nothing

// Prefixes of IPv6 that an IPv4 address follows (docs/policy.md, "Carriers").
const std::array<IpPrefix, 3>& FixedCarriers() {
  static const auto* const carriers = new std::array{
      IpPrefix::Parse("::ffff:0:0/96").value(), IpPrefix::Parse("64:ff9b::/96").value(), IpPrefix::Parse("2002::/16").value()};
  return *carriers;
}

// Which bytes of an address in `carrier` are those of the IPv4 address.
std::array<size_t, IpAddress::kV4Size> CarriedBytes(const IpPrefix& carrier) {
  std::array<size_t, IpAddress::kV4Size> places;
  size_t at = static_cast<size_t>(carrier.length() / 8);
  for (size_t& place : places) {
    if (at == kReservedOctet) ++at;
    place = at++;
  }
  return places;
}

int BitOf(size_t byte) { return static_cast<int>(8 * byte); }

PrefixRegion Carried(const IpPrefix& carrier, const IpPrefix& ipv4) {
  const std::array<size_t, IpAddress::kV4Size> places = CarriedBytes(carrier);
  std::array<uint8_t, IpAddress::kV6Size> bytes;
  std::ranges::copy(carrier.address().bytes(), bytes.begin());
  int length = carrier.length();
  for (size_t i = 0; i < places.size(); ++i) {
    bytes[places[i]] = ipv4.address().bytes()[i];
    const int bits = std::clamp(ipv4.length() - BitOf(i), 0, 8);
    if (bits > 0) length = BitOf(places[i]) + bits;
  }
  return {IpPrefix(IpAddress::V6Bytes(bytes), length), ipv4, BitOf(places[0])};
}

bool Carries(const IpPrefix& carrier, const IpPrefix& ipv6) {
  return ipv6.length() >= BitOf(CarriedBytes(carrier)[0]) && carrier.Contains(ipv6.address());
}

// What an IPv6 prefix in `carrier` carries whole.
PrefixRegion UnwrapFrom(const IpPrefix& carrier, const IpPrefix& ipv6) {
  const std::array<size_t, IpAddress::kV4Size> places = CarriedBytes(carrier);
  std::array<uint8_t, IpAddress::kV4Size> bytes;
  int length = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    bytes[i] = ipv6.address().bytes()[places[i]];
    length += std::clamp(ipv6.length() - BitOf(places[i]), 0, 8);
  }
  return {ipv6, IpPrefix(IpAddress::V4Bytes(bytes), length), BitOf(places[0])};
}

}  // namespace

bool Contains(const IpPrefix& outer, const IpPrefix& inner) {
  return outer.length() <= inner.length() && outer.Contains(inner.address());
}

std::vector<PrefixRegion> WithCarriers(const IpPrefix& prefix, std::span<const IpPrefix> nat64) {
  std::vector<IpPrefix> carriers;
  std::ranges::copy_if(nat64, std::back_inserter(carriers), IsNat64Prefix);
  carriers.insert(carriers.end(), FixedCarriers().begin(), FixedCarriers().end());
  if (prefix.address().is_v6()) {
    const auto found = std::ranges::find_if(carriers, [&](const IpPrefix& carrier) { return Carries(carrier, prefix); });
    if (found != carriers.end()) return {UnwrapFrom(*found, prefix)};
    return {{.prefix = prefix, .unwrapped = prefix}};
  }
  std::vector<PrefixRegion> regions = {{.prefix = prefix, .unwrapped = prefix}};
  for (const IpPrefix& carrier : carriers) regions.push_back(Carried(carrier, prefix));
  return regions;
}

v1::AddressGroup GroupOf(const IpPrefix& prefix) {
  for (const GroupPrefix& row : GroupPrefixes()) {
    if (Contains(row.prefix, prefix)) return row.group;
  }
  return v1::ADDRESS_GROUP_PUBLIC;
}

}  // namespace sluice::policy
