#include "netsvc/policy/compiled_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/policy/preset.h"
#include "netsvc/policy/rule.h"
#include "netsvc/policy/service.h"

namespace sluice::policy {
namespace {

constexpr uint16_t kDnsPort = 53;

absl::Status CheckEnums(const v1::NetworkPolicy& policy) {
  if (policy.preset() == v1::PRESET_UNSPECIFIED) return FieldError("preset", "is required");
  if (!v1::Preset_IsValid(policy.preset())) {
    return FieldError("preset", absl::StrCat("unknown value ", static_cast<int>(policy.preset())));
  }
  if (!v1::DenyResponse_IsValid(policy.deny_response())) {
    return FieldError("deny_response", absl::StrCat("unknown value ", static_cast<int>(policy.deny_response())));
  }
  return absl::OkStatus();
}

// Does it say of every name that it may, or may not, be asked?
bool CoversAnyName(const Rule& rule) {
  if (rule.direction != v1::DIRECTION_EGRESS || !Contains(rule.services, kAnyService)) return false;
  if (rule.AnyPeer()) return true;
  if (rule.action == v1::ACTION_DENY) return false;
  return std::ranges::find(rule.groups, v1::ADDRESS_GROUP_PUBLIC) != rule.groups.end() ||
         std::ranges::any_of(rule.cidrs, [](const IpPrefix& cidr) { return cidr.length() == 0; });
}

bool DeniesEverything(const Rule& rule) {
  return rule.direction == v1::DIRECTION_EGRESS && rule.action == v1::ACTION_DENY && rule.AnyPeer() &&
         Contains(rule.services, kAnyService);
}

RuleIndex FirstThat(std::span<const Rule> rules, bool (*predicate)(const Rule&)) {
  const auto found = std::ranges::find_if(rules, predicate);
  return found == rules.end() ? kNoRule : static_cast<RuleIndex>(found - rules.begin());
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CompiledPolicy>> CompiledPolicy::Compile(const v1::NetworkPolicy& policy,
                                                                            std::span<const Rule> floor) {
  if (const absl::Status status = CheckEnums(policy); !status.ok()) return status;
  absl::StatusOr<std::vector<Rule>> rules = ParseRules(policy.rules());
  if (!rules.ok()) return rules.status();
  rules->insert(rules->begin(), floor.begin(), floor.end());
  return std::shared_ptr<const CompiledPolicy>(new CompiledPolicy(policy, floor.size(), *std::move(rules)));
}

CompiledPolicy::CompiledPolicy(const v1::NetworkPolicy& source, size_t floor_count, std::vector<Rule> rules)
    : source_(source),
      floor_count_(floor_count),
      egress_(rules, v1::DIRECTION_EGRESS),
      ingress_(rules, v1::DIRECTION_INGRESS),
      names_decided_by_(FirstThat(rules, CoversAnyName)),
      everything_denied_by_(FirstThat(rules, DeniesEverything)),
      has_domain_peers_(std::ranges::any_of(rules, [](const Rule& rule) { return !rule.domains.empty(); })) {
  outcomes_.reserve(rules.size());
  for (Rule& rule : rules) outcomes_.push_back({rule.action, !rule.domains.empty(), std::move(rule.id)});
}

CompiledPolicy::~CompiledPolicy() = default;

Verdict CompiledPolicy::RuleVerdict(RuleIndex rule) const {
  return {outcomes_[rule].action, v1::Verdict::REASON_RULE, outcomes_[rule].id};
}

Verdict CompiledPolicy::Evaluate(const FlowQuery& query, const AddressGroups& groups) const {
  if (query.protocol == v1::PROTOCOL_UNSPECIFIED) {
    return {v1::ACTION_DENY, v1::Verdict::REASON_UNSUPPORTED, kDefaultRuleId};
  }
  const AddressTraits traits = groups.Inspect(query.remote);
  if (preset() == v1::PRESET_NONE) return PresetVerdict(preset(), query, traits.group);
  const PeerIndex& peers = query.direction == v1::DIRECTION_INGRESS ? ingress_ : egress_;
  const Service service = ServiceOf(query.protocol, query.port);
  RuleIndex first = std::min(peers.FindPeerless(service), peers.FindAddress(query.remote, traits, service));
  for (const DomainName& name : query.names) first = std::min(first, peers.FindName(name, service));
  return first != kNoRule ? RuleVerdict(first) : PresetVerdict(preset(), query, traits.group);
}

bool CompiledPolicy::AllowsAddress(const FlowQuery& query, const AddressGroups& groups) const {
  if (preset() == v1::PRESET_NONE || query.protocol == v1::PROTOCOL_UNSPECIFIED) return false;
  const PeerIndex& peers = query.direction == v1::DIRECTION_INGRESS ? ingress_ : egress_;
  const Service service = ServiceOf(query.protocol, query.port);
  const RuleIndex first = peers.FindAddress(query.remote, groups.Inspect(query.remote), service);
  return first < peers.FindPeerless(service) && outcomes_[first].action == v1::ACTION_ALLOW;
}

Verdict CompiledPolicy::EvaluateName(const DomainName& name) const {
  if (preset() == v1::PRESET_NONE) return PresetNameVerdict(preset());
  const RuleIndex first = FindForName(name);
  return first != kNoRule ? RuleVerdict(first) : PresetNameVerdict(preset());
}

Verdict CompiledPolicy::EvaluateAlias(const DomainName& target) const {
  const RuleIndex first = FindForName(target);
  const bool refused = preset() != v1::PRESET_NONE && first != kNoRule &&
                       outcomes_[first].action == v1::ACTION_DENY && outcomes_[first].names_domains;
  if (refused) return RuleVerdict(first);
  return {v1::ACTION_ALLOW, v1::Verdict::REASON_DEFAULT, kDefaultRuleId};
}

RuleIndex CompiledPolicy::FindForName(const DomainName& name) const {
  return std::min(names_decided_by_, egress_.FindName(name, kAnyService));
}

Verdict CompiledPolicy::EvaluateResolver(v1::Protocol transport, const IpAddress& resolver,
                                         const AddressGroups& groups) const {
  if (preset() == v1::PRESET_NONE) return PresetNameVerdict(preset());
  const RuleIndex first = egress_.FindAddress(resolver, groups.Inspect(resolver), ServiceOf(transport, kDnsPort));
  if (first != kNoRule) return RuleVerdict(first);
  return {v1::ACTION_ALLOW, v1::Verdict::REASON_DEFAULT, kDefaultRuleId};
}

bool CompiledPolicy::AllowsAnswer(const IpAddress& address, const AddressGroups& groups) const {
  if (preset() == v1::PRESET_NONE) return false;
  const RuleIndex first = egress_.FindAddress(address, groups.Inspect(address), kAnyService);
  return first < everything_denied_by_ && outcomes_[first].action == v1::ACTION_ALLOW;
}

}  // namespace sluice::policy
