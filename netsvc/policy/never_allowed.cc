#include "netsvc/policy/never_allowed.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/rule.h"

namespace sluice::policy {
namespace {

using Groups = std::bitset<v1::AddressGroup_ARRAYSIZE>;

// Prefixes of IPv6 under which an IPv4 address stands whole, and at which bit
// (docs/policy.md, "Carriers"). Teredo's is inverted: no prefix covers it.
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

bool Contains(const IpPrefix& outer, const IpPrefix& inner) {
  return outer.length() <= inner.length() && outer.Contains(inner.address());
}

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

// Does a rule speak of the gateway: of an address of its, or of its name?
bool SpeaksOfGateway(const Rule& rule, std::span<const IpAddress> aliases) {
  if (rule.direction != v1::DIRECTION_EGRESS || rule.action != v1::ACTION_ALLOW) return false;
  const DomainName name = DomainName::FromText("host.sluice.internal").value();
  return std::ranges::any_of(rule.domains, [&](const DomainPattern& domain) { return domain.Matches(name); }) ||
         std::ranges::any_of(rule.cidrs, [&](const IpPrefix& cidr) {
           return std::ranges::any_of(aliases, [&](const IpAddress& alias) { return cidr.Contains(alias); });
         });
}

Allowed AllowedBy(const v1::NetworkPolicy& policy, const v1::DnsConfig& dns, std::span<const IpAddress> aliases) {
  Allowed allowed;
  if (policy.preset() == v1::PRESET_ALLOW_ALL) allowed.groups.set();
  const absl::StatusOr<std::vector<Rule>> rules = ParseRules(policy);
  if (rules.ok()) {
    for (const Rule& rule : *rules) {
      AddRule(rule, dns, allowed);
      if (SpeaksOfGateway(rule, aliases)) allowed.groups.set(v1::ADDRESS_GROUP_LOOPBACK);
    }
  }
  // Its alias leads to the loopback interface.
  if (allowed.groups.test(v1::ADDRESS_GROUP_HOST)) allowed.groups.set(v1::ADDRESS_GROUP_LOOPBACK);
  allowed.groups.set(v1::ADDRESS_GROUP_PUBLIC);
  return allowed;
}

void AddWithCarriers(const PrefixFate& fate, std::vector<PrefixFate>& fates) {
  fates.push_back(fate);
  if (fate.prefix.address().is_v6()) return;
  for (const Carrier& carrier : kCarriers) fates.push_back({Carried(carrier, fate.prefix), fate.never});
}

}  // namespace

std::vector<PrefixFate> NeverAllowed(const v1::NetworkPolicy& policy, const v1::DnsConfig& dns,
                                     std::span<const IpAddress> aliases) {
  std::vector<PrefixFate> fates;
  if (policy.preset() == v1::PRESET_NONE) {
    for (const char* all : {"0.0.0.0/0", "::/0"}) fates.push_back({IpPrefix::Parse(all).value(), true});
    return fates;
  }
  const Allowed allowed = AllowedBy(policy, dns, aliases);
  if (allowed.groups.all()) return fates;
  for (const GroupPrefix& row : GroupPrefixes()) {
    const bool named = std::ranges::any_of(allowed.cidrs, [&](const IpPrefix& cidr) { return Contains(cidr, row.prefix); });
    AddWithCarriers({row.prefix, !named && !allowed.groups.test(row.group)}, fates);
  }
  for (const IpPrefix& cidr : allowed.cidrs) AddWithCarriers({cidr, false}, fates);
  // Shorter first, so that of two fates of one prefix the rule's comes last and
  // stands.
  std::ranges::stable_sort(fates, {}, [](const PrefixFate& fate) { return fate.prefix.length(); });
  return fates;
}

}  // namespace sluice::policy
