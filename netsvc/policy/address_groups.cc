#include "netsvc/policy/address_groups.h"

#include <optional>
#include <utility>

#include "absl/numeric/int128.h"
#include "netsvc/policy/address_bits.h"
#include "netsvc/policy/ipv4_carrier.h"

namespace sluice::policy {
namespace {

struct Row {
  const char* prefix;
  v1::AddressGroup group;
};

// In order: the first row that contains an address decides. HOST, which no
// constant names, stands ahead of them; what is in none is PUBLIC.
constexpr Row kTable[] = {
    // Instance metadata and its kin: EC2 (also ECS, EKS, DNS, time), GCE,
    // Azure; Alibaba; Azure's wire server; Oracle.
    {"169.254.169.254/32", v1::ADDRESS_GROUP_METADATA},
    {"169.254.170.2/32", v1::ADDRESS_GROUP_METADATA},
    {"169.254.170.23/32", v1::ADDRESS_GROUP_METADATA},
    {"169.254.169.253/32", v1::ADDRESS_GROUP_METADATA},
    {"169.254.169.123/32", v1::ADDRESS_GROUP_METADATA},
    {"fd00:ec2::/32", v1::ADDRESS_GROUP_METADATA},
    {"fd20:ce::254/128", v1::ADDRESS_GROUP_METADATA},
    {"100.100.100.200/32", v1::ADDRESS_GROUP_METADATA},
    {"168.63.129.16/32", v1::ADDRESS_GROUP_METADATA},
    {"192.0.0.192/32", v1::ADDRESS_GROUP_METADATA},

    {"127.0.0.0/8", v1::ADDRESS_GROUP_LOOPBACK},
    {"::1/128", v1::ADDRESS_GROUP_LOOPBACK},

    {"10.0.0.0/8", v1::ADDRESS_GROUP_PRIVATE},     // RFC 1918
    {"172.16.0.0/12", v1::ADDRESS_GROUP_PRIVATE},  // RFC 1918
    {"192.168.0.0/16", v1::ADDRESS_GROUP_PRIVATE}, // RFC 1918
    {"100.64.0.0/10", v1::ADDRESS_GROUP_PRIVATE},  // RFC 6598
    {"fc00::/7", v1::ADDRESS_GROUP_PRIVATE},       // RFC 4193

    {"169.254.0.0/16", v1::ADDRESS_GROUP_LINK_LOCAL},
    {"fe80::/10", v1::ADDRESS_GROUP_LINK_LOCAL},

    {"224.0.0.0/4", v1::ADDRESS_GROUP_MULTICAST},
    {"ff00::/8", v1::ADDRESS_GROUP_MULTICAST},

    // The IANA special-purpose registries (RFC 6890).
    {"0.0.0.0/8", v1::ADDRESS_GROUP_RESERVED},
    {"::/128", v1::ADDRESS_GROUP_RESERVED},
    {"192.0.0.0/24", v1::ADDRESS_GROUP_RESERVED},
    {"192.0.2.0/24", v1::ADDRESS_GROUP_RESERVED},
    {"192.88.99.0/24", v1::ADDRESS_GROUP_RESERVED},
    {"198.18.0.0/15", v1::ADDRESS_GROUP_RESERVED},
    {"198.51.100.0/24", v1::ADDRESS_GROUP_RESERVED},
    {"203.0.113.0/24", v1::ADDRESS_GROUP_RESERVED},
    {"240.0.0.0/4", v1::ADDRESS_GROUP_RESERVED},  // with 255.255.255.255
    {"100::/64", v1::ADDRESS_GROUP_RESERVED},
    {"64:ff9b:1::/48", v1::ADDRESS_GROUP_RESERVED},
    {"2001:db8::/32", v1::ADDRESS_GROUP_RESERVED},
    {"3fff::/20", v1::ADDRESS_GROUP_RESERVED},
    {"5f00::/16", v1::ADDRESS_GROUP_RESERVED},
    {"fec0::/10", v1::ADDRESS_GROUP_RESERVED},
};

// The rows of one family, made ready to be compared.
class FamilyTable {
 public:
  explicit FamilyTable(int bits) {
    for (const auto& [prefix, group] : GroupPrefixes()) {
      if (prefix.address().bits() != bits) continue;
      rows_.push_back({AddressBits(prefix.address()), PrefixMask(prefix.length(), bits), group});
    }
  }

  v1::AddressGroup Find(const IpAddress& address) const {
    const absl::uint128 bits = AddressBits(address);
    for (const Masked& row : rows_) {
      if ((bits & row.mask) == row.value) return row.group;
    }
    return v1::ADDRESS_GROUP_PUBLIC;
  }

 private:
  struct Masked {
    absl::uint128 value;
    absl::uint128 mask;
    v1::AddressGroup group;
  };
  std::vector<Masked> rows_;
};

v1::AddressGroup FindInTable(const IpAddress& address) {
  static const FamilyTable* const v4 = new FamilyTable(32);
  static const FamilyTable* const v6 = new FamilyTable(128);
  return (address.is_v4() ? v4 : v6)->Find(address);
}

bool AnyContains(const std::vector<IpPrefix>& prefixes, const IpAddress& address) {
  for (const IpPrefix& prefix : prefixes) {
    if (prefix.Contains(address)) return true;
  }
  return false;
}

}  // namespace

const std::vector<GroupPrefix>& GroupPrefixes() {
  static const std::vector<GroupPrefix>* const prefixes = [] {
    auto* const parsed = new std::vector<GroupPrefix>;
    for (const Row& row : kTable) parsed->push_back({IpPrefix::Parse(row.prefix).value(), row.group});
    return parsed;
  }();
  return *prefixes;
}

AddressGroups::AddressGroups(Options options) : options_(std::move(options)) {}

void AddressGroups::SetOptions(Options options) { options_ = std::move(options); }

void AddressGroups::SetHostAddresses(const std::vector<IpAddress>& addresses) {
  host_.clear();
  for (const IpAddress& address : addresses) {
    if (FindInTable(address) != v1::ADDRESS_GROUP_LOOPBACK) host_.insert(address);
  }
}

AddressTraits AddressGroups::Inspect(const IpAddress& address) const {
  AddressTraits traits{.unwrapped = address};
  if (const std::optional<CarriedIpv4> carried = FindCarriedIpv4(address, options_.nat64)) {
    traits.unwrapped = carried->address;
    traits.carried_at = carried->first_bit;
  }
  const bool host = IsHost(traits.unwrapped) || (traits.carried_at > 0 && IsHost(address));
  traits.group = host ? v1::ADDRESS_GROUP_HOST : FindInTable(traits.unwrapped);
  return traits;
}

bool AddressGroups::IsHost(const IpAddress& address) const {
  return AnyContains(options_.gateway, address) || AnyContains(options_.extra_host, address) ||
         host_.contains(address);
}

}  // namespace sluice::policy
