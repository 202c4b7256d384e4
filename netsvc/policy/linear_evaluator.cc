#include "netsvc/policy/linear_evaluator.h"

#include <algorithm>

#include "netsvc/policy/preset.h"

namespace sluice::policy {
namespace {

constexpr uint16_t kDnsPort = 53;

// UNSPECIFIED means egress, in a question as in a rule.
bool SameDirection(v1::Direction a, v1::Direction b) {
  return (a == v1::DIRECTION_INGRESS) == (b == v1::DIRECTION_INGRESS);
}

// Does a rule of `action` with peer `cidr` speak of `remote`? It does where the
// prefix contains the address itself or the IPv4 address that it carries, with
// one exception: to allow a carrier of an address that is not PUBLIC, the
// prefix must say something of the carried address. So neither ::/0 nor
// 64:ff9b::/96 opens 10.0.0.0/8 by way of NAT64.
bool CidrCovers(const IpPrefix& cidr, v1::Action action, const IpAddress& remote, const AddressTraits& traits) {
  if (cidr.Contains(traits.unwrapped)) return true;
  if (!cidr.Contains(remote)) return false;
  return action == v1::ACTION_DENY || traits.group == v1::ADDRESS_GROUP_PUBLIC || cidr.length() > traits.carried_at;
}

// By cidr or group.
bool CoversAddress(const Rule& rule, const IpAddress& address, const AddressTraits& traits) {
  if (std::ranges::find(rule.groups, traits.group) != rule.groups.end()) return true;
  return std::ranges::any_of(rule.cidrs,
                             [&](const IpPrefix& cidr) { return CidrCovers(cidr, rule.action, address, traits); });
}

bool CoversName(const Rule& rule, const DomainName& name) {
  return std::ranges::any_of(rule.domains, [&](const DomainPattern& domain) { return domain.Matches(name); });
}

bool CoversPeer(const Rule& rule, const FlowQuery& query, const AddressTraits& traits) {
  return rule.AnyPeer() || CoversAddress(rule, query.remote, traits) ||
         std::ranges::any_of(query.names, [&](const DomainName& name) { return CoversName(rule, name); });
}

// Does it say of every name that it may, or may not, be asked?
bool CoversAnyName(const Rule& rule) {
  if (rule.AnyPeer()) return true;
  if (rule.action == v1::ACTION_DENY) return false;
  return std::ranges::find(rule.groups, v1::ADDRESS_GROUP_PUBLIC) != rule.groups.end() ||
         std::ranges::any_of(rule.cidrs, [](const IpPrefix& cidr) { return cidr.length() == 0; });
}

std::vector<Rule> Concatenate(std::span<const Rule> floor, const std::vector<Rule>& rules) {
  std::vector<Rule> all(floor.begin(), floor.end());
  all.insert(all.end(), rules.begin(), rules.end());
  return all;
}

Verdict RuleVerdict(const Rule& rule) { return {rule.action, v1::Verdict::REASON_RULE, rule.id}; }

}  // namespace

LinearEvaluator::LinearEvaluator(const v1::NetworkPolicy& policy, std::span<const Rule> floor)
    : preset_(policy.preset()), rules_(Concatenate(floor, ParseRules(policy.rules()).value())) {}

Verdict LinearEvaluator::Evaluate(const FlowQuery& query, const AddressGroups& groups) const {
  if (query.protocol == v1::PROTOCOL_UNSPECIFIED) {
    return {v1::ACTION_DENY, v1::Verdict::REASON_UNSUPPORTED, kDefaultRuleId};
  }
  const AddressTraits traits = groups.Inspect(query.remote);
  if (preset_ != v1::PRESET_NONE) {
    const Service service = ServiceOf(query.protocol, query.port);
    for (const Rule& rule : rules_) {
      if (!SameDirection(rule.direction, query.direction) || !Contains(rule.services, service)) continue;
      if (CoversPeer(rule, query, traits)) return RuleVerdict(rule);
    }
  }
  return PresetVerdict(preset_, query, traits.group);
}

Verdict LinearEvaluator::EvaluateName(const DomainName& name) const {
  if (preset_ != v1::PRESET_NONE) {
    for (const Rule& rule : rules_) {
      if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, kAnyService)) continue;
      if (CoversAnyName(rule) || CoversName(rule, name)) return RuleVerdict(rule);
    }
  }
  return PresetNameVerdict(preset_);
}

Verdict LinearEvaluator::EvaluateResolver(v1::Protocol transport, const IpAddress& resolver,
                                          const AddressGroups& groups) const {
  if (preset_ == v1::PRESET_NONE) return PresetNameVerdict(preset_);
  const AddressTraits traits = groups.Inspect(resolver);
  const Service service = ServiceOf(transport, kDnsPort);
  for (const Rule& rule : rules_) {
    if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, service)) continue;
    if (CoversAddress(rule, resolver, traits)) return RuleVerdict(rule);
  }
  return {v1::ACTION_ALLOW, v1::Verdict::REASON_DEFAULT, kDefaultRuleId};
}

bool LinearEvaluator::AllowsAnswer(const IpAddress& address, const AddressGroups& groups) const {
  if (preset_ == v1::PRESET_NONE) return false;
  const AddressTraits traits = groups.Inspect(address);
  for (const Rule& rule : rules_) {
    if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, kAnyService)) continue;
    if (CoversAddress(rule, address, traits)) return rule.action == v1::ACTION_ALLOW;
    if (rule.AnyPeer() && rule.action == v1::ACTION_DENY) return false;
  }
  return false;
}

}  // namespace sluice::policy
