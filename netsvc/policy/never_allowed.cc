#include "netsvc/policy/never_allowed.h"

#include <algorithm>
#include <bitset>

#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/floor_fates.h"
#include "netsvc/policy/prefix_region.h"

namespace sluice::policy {
namespace {

using Groups = std::bitset<v1::AddressGroup_ARRAYSIZE>;

bool NamesLeadAnywhere(const v1::DnsConfig& dns) {
  return dns.rebinding_exempt_domains_size() > 0 || (dns.has_rebinding_protection() && !dns.rebinding_protection());
}

// What the preset and the rules speak for.
struct Allowed {
  Groups groups;
  std::vector<IpPrefix> cidrs;
};

void AddRule(const Rule& rule, const v1::DnsConfig& dns, Allowed& allowed) {
  if (rule.direction != v1::DIRECTION_EGRESS || rule.action != v1::ACTION_ALLOW) return;
  if (rule.AnyPeer() || (!rule.domains.empty() && NamesLeadAnywhere(dns))) allowed.groups.set();
  for (const v1::AddressGroup group : rule.groups) allowed.groups.set(group);
  allowed.cidrs.insert(allowed.cidrs.end(), rule.cidrs.begin(), rule.cidrs.end());
}

Allowed AllowedBy(const v1::NetworkPolicy& policy, const v1::DnsConfig& dns, std::span<const IpAddress> aliases) {
  Allowed allowed;
  if (policy.preset() == v1::PRESET_ALLOW_ALL) allowed.groups.set();
  const absl::StatusOr<std::vector<Rule>> rules = ParseRules(policy.rules());
  if (rules.ok()) {
    for (const Rule& rule : *rules) {
      AddRule(rule, dns, allowed);
      const bool opens = rule.direction == v1::DIRECTION_EGRESS && rule.action == v1::ACTION_ALLOW;
      if (opens && SpeaksOfGateway(rule, aliases)) allowed.groups.set(v1::ADDRESS_GROUP_LOOPBACK);
    }
  }
  // Its alias leads to the loopback interface.
  if (allowed.groups.test(v1::ADDRESS_GROUP_HOST)) allowed.groups.set(v1::ADDRESS_GROUP_LOOPBACK);
  allowed.groups.set(v1::ADDRESS_GROUP_PUBLIC);
  return allowed;
}

void AddWithCarriers(const IpPrefix& prefix, bool never, std::span<const IpPrefix> nat64,
                     std::vector<RegionFate>& fates) {
  for (const PrefixRegion& region : WithCarriers(prefix, nat64)) fates.push_back({region, never});
}

IpPrefix Everything(bool ipv6) { return IpPrefix::Parse(ipv6 ? "::/0" : "0.0.0.0/0").value(); }

// Of the policy alone: the rows, and the cidrs of rules; of one prefix the rule's
// comes last.
std::vector<RegionFate> FatesOf(const Allowed& allowed, std::span<const IpPrefix> nat64) {
  std::vector<RegionFate> fates;
  for (const bool ipv6 : {false, true}) AddWithCarriers(Everything(ipv6), false, nat64, fates);
  for (const GroupPrefix& row : GroupPrefixes()) {
    // What lies in a NAT64 prefix goes by what it carries.
    if (std::ranges::any_of(nat64, [&](const IpPrefix& carrier) { return Contains(carrier, row.prefix); })) continue;
    const bool named = std::ranges::any_of(allowed.cidrs, [&](const IpPrefix& cidr) { return Contains(cidr, row.prefix); });
    AddWithCarriers(row.prefix, !named && !allowed.groups.test(row.group), nat64, fates);
  }
  for (const IpPrefix& cidr : allowed.cidrs) AddWithCarriers(cidr, false, nat64, fates);
  return fates;
}

}  // namespace

std::vector<PrefixFate> NeverAllowed(const v1::NetworkPolicy& policy, std::span<const Rule> floor,
                                     const v1::DnsConfig& dns, const Surroundings& around) {
  if (policy.preset() == v1::PRESET_NONE) return {{Everything(false), true}, {Everything(true), true}};
  const Allowed allowed = AllowedBy(policy, dns, around.aliases);
  std::vector<RegionFate> regions = FatesOf(allowed, around.nat64);
  // Unset, rebinding protection is off under ALLOW_ALL.
  const bool unprotected = policy.preset() == v1::PRESET_ALLOW_ALL && !dns.has_rebinding_protection();
  if (!floor.empty()) ApplyFloor(floor, around, unprotected || NamesLeadAnywhere(dns), regions);
  std::vector<PrefixFate> fates;
  if (std::ranges::none_of(regions, &RegionFate::never)) return fates;
  fates.reserve(regions.size());
  for (const auto& [region, never] : regions) fates.push_back({region.prefix, never});
  // Shorter first, so that of two fates of one prefix the rule's comes last and
  // stands.
  std::ranges::stable_sort(fates, {}, [](const PrefixFate& fate) { return fate.prefix.length(); });
  return fates;
}

}  // namespace sluice::policy
