#include "netsvc/policy/compiled_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/policy/preset.h"

namespace sluice::policy {
namespace {

constexpr uint16_t kDnsPort = 53;

absl::Status CheckPolicyEnums(const v1::NetworkPolicy& policy) {
  if (policy.preset() == v1::PRESET_UNSPECIFIED) return FieldError("preset", "is required");
  if (!v1::Preset_IsValid(policy.preset())) {
    return FieldError("preset", absl::StrCat("unknown value ", static_cast<int>(policy.preset())));
  }
  if (!v1::DenyResponse_IsValid(policy.deny_response())) {
    return FieldError("deny_response", absl::StrCat("unknown value ", static_cast<int>(policy.deny_response())));
  }
  return absl::OkStatus();
}

// UNSPECIFIED means egress, in a question as in a rule.
bool SameDirection(v1::Direction a, v1::Direction b) {
  return (a == v1::DIRECTION_INGRESS) == (b == v1::DIRECTION_INGRESS);
}

// By cidr or group.
bool CoversAddress(const Rule& rule, const IpAddress& address, const AddressTraits& traits) {
  if (std::ranges::find(rule.groups, traits.group) != rule.groups.end()) return true;
  return std::ranges::any_of(
      rule.cidrs, [&](const IpPrefix& cidr) { return CidrCovers(cidr, rule.action, address, traits); });
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

}  // namespace

absl::StatusOr<std::shared_ptr<const CompiledPolicy>> CompiledPolicy::Compile(const v1::NetworkPolicy& policy) {
  if (const absl::Status status = CheckPolicyEnums(policy); !status.ok()) return status;
  absl::StatusOr<std::vector<Rule>> rules = ParseRules(policy);
  if (!rules.ok()) return rules.status();
  return std::shared_ptr<const CompiledPolicy>(new CompiledPolicy(policy, *std::move(rules)));
}

CompiledPolicy::CompiledPolicy(v1::NetworkPolicy source, std::vector<Rule> rules)
    : source_(std::move(source)), rules_(std::move(rules)) {
  has_domain_peers_ = std::ranges::any_of(rules_, [](const Rule& rule) { return !rule.domains.empty(); });
}

CompiledPolicy::~CompiledPolicy() = default;

Verdict CompiledPolicy::RuleVerdict(const Rule& rule) const {
  return {rule.action, v1::Verdict::REASON_RULE, rule.id};
}

Verdict CompiledPolicy::Evaluate(const FlowQuery& query, const AddressGroups& groups) const {
  if (query.protocol == v1::PROTOCOL_UNSPECIFIED) {
    return {v1::ACTION_DENY, v1::Verdict::REASON_UNSUPPORTED, kDefaultRuleId};
  }
  const AddressTraits traits = groups.Inspect(query.remote);
  if (preset() != v1::PRESET_NONE) {
    const Service service = ServiceOf(query.protocol, query.port);
    for (const Rule& rule : rules_) {
      if (!SameDirection(rule.direction, query.direction) || !Contains(rule.services, service)) continue;
      if (CoversPeer(rule, query, traits)) return RuleVerdict(rule);
    }
  }
  return PresetVerdict(preset(), query, traits.group);
}

Verdict CompiledPolicy::EvaluateName(const DomainName& name) const {
  if (preset() != v1::PRESET_NONE) {
    for (const Rule& rule : rules_) {
      if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, kAnyService)) continue;
      if (CoversAnyName(rule) || CoversName(rule, name)) return RuleVerdict(rule);
    }
  }
  return PresetNameVerdict(preset());
}

Verdict CompiledPolicy::EvaluateResolver(v1::Protocol transport, const IpAddress& resolver,
                                         const AddressGroups& groups) const {
  if (preset() == v1::PRESET_NONE) return PresetNameVerdict(preset());
  const AddressTraits traits = groups.Inspect(resolver);
  const Service service = ServiceOf(transport, kDnsPort);
  for (const Rule& rule : rules_) {
    if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, service)) continue;
    if (CoversAddress(rule, resolver, traits)) return RuleVerdict(rule);
  }
  return {v1::ACTION_ALLOW, v1::Verdict::REASON_DEFAULT, kDefaultRuleId};
}

bool CompiledPolicy::AllowsAnswer(const IpAddress& address, const AddressGroups& groups) const {
  if (preset() == v1::PRESET_NONE) return false;
  const AddressTraits traits = groups.Inspect(address);
  for (const Rule& rule : rules_) {
    if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, kAnyService)) continue;
    if (CoversAddress(rule, address, traits)) return rule.action == v1::ACTION_ALLOW;
    if (rule.AnyPeer() && rule.action == v1::ACTION_DENY) return false;
  }
  return false;
}

}  // namespace sluice::policy
