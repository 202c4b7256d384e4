#ifndef SLUICE_NETSVC_POLICY_LINEAR_EVALUATOR_H_
#define SLUICE_NETSVC_POLICY_LINEAR_EVALUATOR_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/rule.h"
#include "netsvc/policy/verdict.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// CompiledPolicy's questions answered as the policy reference words them: one
// walk over the rules in order. What CompiledPolicy is tested and measured
// against.
class LinearEvaluator {
 public:
  // `policy` compiles; `floor` as CompiledPolicy's.
  explicit LinearEvaluator(const v1::NetworkPolicy& policy, std::span<const Rule> floor = {});

  Verdict Evaluate(const FlowQuery& query, const AddressGroups& groups) const;
  Verdict EvaluateName(const DomainName& name) const;
  Verdict EvaluateResolver(v1::Protocol transport, const IpAddress& resolver, const AddressGroups& groups) const;
  bool AllowsAnswer(const IpAddress& address, const AddressGroups& groups) const;

 private:
  const v1::Preset preset_;
  const std::vector<Rule> rules_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_LINEAR_EVALUATOR_H_
