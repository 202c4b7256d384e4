#include "netsvc/policy/floor_fates.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "netsvc/base/domain_name.h"

namespace sluice::policy {
namespace {

constexpr size_t kNoPlace = SIZE_MAX;

using PrefixKey = std::pair<IpAddress, int>;
PrefixKey KeyOf(const IpPrefix& prefix) { return {prefix.address(), prefix.length()}; }

// What is said of prefixes. Finding costs a lookup for each length that there is.
template <typename Value>
class PrefixTable {
 public:
  Value& At(const IpPrefix& prefix) {
    lengths_.insert(prefix.length());
    return values_[KeyOf(prefix)];
  }

  // Calls visit(prefix, value) for those that contain all of `inner`, longest first,
  // until it returns false.
  template <typename Visitor>
  void ForEachAround(const IpPrefix& inner, Visitor visit) const {
    for (auto length = lengths_.rbegin(); length != lengths_.rend(); ++length) {
      if (*length > inner.length()) continue;
      const IpPrefix outer(inner.address(), *length);
      const auto found = values_.find(KeyOf(outer));
      if (found != values_.end() && !visit(outer, found->second)) return;
    }
  }

 private:
  absl::flat_hash_map<PrefixKey, Value> values_;
  std::set<int> lengths_;
};

// The first rules that speak of something.
struct First {
  size_t allow = kNoPlace;  // any service
  size_t deny = kNoPlace;   // every service
};

class FloorFates {
 public:
  FloorFates(std::span<const Rule> floor, std::span<const IpAddress> aliases, bool names_lead_anywhere)
      : names_lead_anywhere_(names_lead_anywhere) {
    for (size_t place = 0; place < floor.size(); ++place) Add(floor[place], place, aliases);
  }

  bool Never(const PrefixRegion& region, bool callers) const {
    const v1::AddressGroup group = GroupOf(region.unwrapped);
    if (group == v1::ADDRESS_GROUP_LOOPBACK) {
      if (gateway_allowed_ < host().deny) return false;
      if (host().deny == kNoPlace && !callers) return false;
    }
    const First first = Find(region, group);
    if (first.allow < first.deny) return false;
    if (first.deny == kNoPlace || DoubtOf(group) < first.deny) return callers;
    return true;
  }

 private:
  void Add(const Rule& rule, size_t place, std::span<const IpAddress> aliases) {
    if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, kAnyService)) return;
    const bool allows = rule.action == v1::ACTION_ALLOW;
    const auto note = [&](First& first) {
      size_t& noted = allows ? first.allow : first.deny;
      noted = std::min(noted, place);
    };
    if (rule.AnyPeer()) {
      for (First& group : groups_) note(group);
    }
    for (const v1::AddressGroup group : rule.groups) note(groups_[group]);
    for (const IpPrefix& cidr : rule.cidrs) note(cidrs_.At(cidr));
    if (!allows) return;
    if (!rule.domains.empty()) name_allowed_ = std::min(name_allowed_, place);
    if (SpeaksOfGateway(rule, aliases) || host().allow == place) gateway_allowed_ = std::min(gateway_allowed_, place);
  }

  const First& host() const { return groups_[v1::ADDRESS_GROUP_HOST]; }

  First Find(const PrefixRegion& region, v1::AddressGroup group) const {
    First first = groups_[group];
    // A rule without peers is in the place of HOST too.
    const bool hosts_denied = host().deny < host().allow;
    if (group != v1::ADDRESS_GROUP_METADATA && !hosts_denied) first.deny = kNoPlace;
    cidrs_.ForEachAround(region.unwrapped, [&first](const IpPrefix&, const First& cidr) {
      first = {std::min(first.allow, cidr.allow), std::min(first.deny, cidr.deny)};
      return true;
    });
    if (region.carried_at > 0) AddCarriers(region, group, first);
    if (names_lead_anywhere_) first.allow = std::min(first.allow, name_allowed_);
    return first;
  }

  // What IPv6 prefixes say of what carries IPv4: to allow an address that is not
  // PUBLIC they must reach into it (docs/policy.md).
  void AddCarriers(const PrefixRegion& region, v1::AddressGroup group, First& first) const {
    cidrs_.ForEachAround(region.prefix, [&](const IpPrefix& prefix, const First& cidr) {
      const bool opens = group == v1::ADDRESS_GROUP_PUBLIC || prefix.length() > region.carried_at;
      if (opens) first.allow = std::min(first.allow, cidr.allow);
      first.deny = std::min(first.deny, cidr.deny);
      return true;
    });
  }

  // The first rule that may allow some of a group, nobody knows which.
  size_t DoubtOf(v1::AddressGroup group) const {
    return group == v1::ADDRESS_GROUP_PUBLIC ? std::min(host().allow, name_allowed_) : host().allow;
  }

  const bool names_lead_anywhere_;
  std::array<First, v1::AddressGroup_ARRAYSIZE> groups_;
  PrefixTable<First> cidrs_;
  size_t name_allowed_ = kNoPlace;
  size_t gateway_allowed_ = kNoPlace;
};

}  // namespace

bool SpeaksOfGateway(const Rule& rule, std::span<const IpAddress> aliases) {
  static const DomainName* const name = new DomainName(DomainName::FromText("host.sluice.internal").value());
  return std::ranges::any_of(rule.domains, [](const DomainPattern& domain) { return domain.Matches(*name); }) ||
         std::ranges::any_of(rule.cidrs, [&](const IpPrefix& cidr) {
           return std::ranges::any_of(aliases, [&](const IpAddress& alias) { return cidr.Contains(alias); });
         });
}

void ApplyFloor(std::span<const Rule> floor, const Surroundings& around, bool names_lead_anywhere,
                std::vector<RegionFate>& fates) {
  PrefixTable<bool> callers;
  for (const RegionFate& fate : fates) callers.At(fate.region.prefix) = fate.never;
  for (const Rule& rule : floor) {
    for (const IpPrefix& cidr : rule.cidrs) {
      for (const PrefixRegion& region : WithCarriers(cidr, around.nat64)) fates.push_back({region});
    }
  }
  const FloorFates floor_fates(floor, around.aliases, names_lead_anywhere);
  for (auto& [region, never] : fates) {
    bool by_caller = false;
    callers.ForEachAround(region.prefix, [&by_caller](const IpPrefix&, bool said) {
      by_caller = said;
      return false;
    });
    never = floor_fates.Never(region, by_caller);
  }
}

}  // namespace sluice::policy
