#ifndef SLUICE_NETSVC_POLICY_COMPILED_POLICY_H_
#define SLUICE_NETSVC_POLICY_COMPILED_POLICY_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/peer_index.h"
#include "netsvc/policy/rule.h"
#include "netsvc/policy/service_maps.h"
#include "netsvc/policy/verdict.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// A NetworkPolicy behind the operator's floor, checked and made ready to be asked.
// Immutable: a policy changes by compiling another. Any thread.
//
// Asking costs the same whatever the number of rules: PeerIndex finds the first
// one that matches without a walk. The floor's rules come first, and count as the
// caller's where that is said below. PRESET_NONE denies every question ahead of
// all rules.
class CompiledPolicy {
 public:
  static constexpr int kMaxRules = policy::kMaxRules;

  // FieldError with the path inside the policy ("rules[3].ports[0].first") for
  // anything that the API does not allow; PRESET_UNSPECIFIED among that. `floor`
  // as ParseFloor made it.
  static absl::StatusOr<std::shared_ptr<const CompiledPolicy>> Compile(const v1::NetworkPolicy& policy,
                                                                       std::span<const Rule> floor = {});

  ~CompiledPolicy();

  // The caller's own, without the floor.
  const v1::NetworkPolicy& source() const { return source_; }
  v1::Preset preset() const { return source_.preset(); }
  bool rejects() const { return source_.deny_response() != v1::DENY_RESPONSE_DROP; }
  // Does a rule have a domain peer, so that FlowQuery.names counts?
  bool has_domain_peers() const { return has_domain_peers_; }

  // The rules, and what verdicts call them: the id, or "rule-N". The floor's are
  // the first `floor_count()`.
  size_t rule_count() const { return outcomes_.size(); }
  size_t floor_count() const { return floor_count_; }
  const std::string& rule_id(size_t rule) const { return outcomes_[rule].id; }

  // First match wins over the rules, the preset's rules, its default.
  // PROTOCOL_UNSPECIFIED stands for what is neither TCP, UDP nor ICMP echo:
  // UNSUPPORTED. Does not allocate.
  Verdict Evaluate(const FlowQuery& query, const AddressGroups& groups) const;

  // Is it a cidr or group rule of the caller that allows the flow? Then the
  // address is allowed as such, whatever its names.
  bool AllowsAddress(const FlowQuery& query, const AddressGroups& groups) const;

  // May `name` be asked? Its group does not matter, nor do the ports and
  // protocols of allowing rules (docs/policy.md, "Names").
  Verdict EvaluateName(const DomainName& name) const;

  // May `target` stand for a name that may be asked (CNAME)? A denial without
  // domain peers spoke of that name already.
  Verdict EvaluateAlias(const DomainName& target) const;

  // May the resolver at `resolver` be asked at all? The first cidr or group
  // rule of the caller that covers it and port 53 decides; allowed where none
  // does.
  Verdict EvaluateResolver(v1::Protocol transport, const IpAddress& resolver, const AddressGroups& groups) const;

  // Does a cidr or group rule of the caller allow this address to stand in a DNS
  // answer though its group is not PUBLIC?
  bool AllowsAnswer(const IpAddress& address, const AddressGroups& groups) const;

 private:
  // What is left to know of a rule once it is found.
  struct Outcome {
    v1::Action action;
    bool names_domains;
    std::string id;
  };

  CompiledPolicy(const v1::NetworkPolicy& source, size_t floor_count, std::vector<Rule> rules);

  Verdict RuleVerdict(RuleIndex rule) const;
  // The first rule that speaks of `name`.
  RuleIndex FindForName(const DomainName& name) const;

  const v1::NetworkPolicy source_;
  const size_t floor_count_;
  std::vector<Outcome> outcomes_;
  const PeerIndex egress_;
  const PeerIndex ingress_;
  // The first rule that speaks of every name, and the first that denies every
  // egress flow.
  const RuleIndex names_decided_by_;
  const RuleIndex everything_denied_by_;
  const bool has_domain_peers_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_COMPILED_POLICY_H_
