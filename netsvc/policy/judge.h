#ifndef SLUICE_NETSVC_POLICY_JUDGE_H_
#define SLUICE_NETSVC_POLICY_JUDGE_H_

#include <memory>
#include <utility>
#include <vector>

#include "netsvc/base/endpoint.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/verdict.h"

namespace sluice::policy {

// Says of a flow whether it may be: what no policy can change first, the policy
// second. The one place where a verdict on a flow comes from.
//
// Single-threaded. `groups` outlives it.
class Judge {
 public:
  // `control_plane`: the server's own TCP listeners. Their ports are denied on
  // every address of the host, the gateway's alias included.
  Judge(const AddressGroups& groups, std::vector<Endpoint> control_plane,
        std::shared_ptr<const CompiledPolicy> policy);

  const CompiledPolicy& policy() const { return *policy_; }
  const AddressGroups& groups() const { return groups_; }
  void SetPolicy(std::shared_ptr<const CompiledPolicy> policy) { policy_ = std::move(policy); }
  void SetControlPlane(std::vector<Endpoint> control_plane) { control_plane_ = std::move(control_plane); }

  // `rule_id` of the verdict lives as long as the policy in force.
  Verdict Evaluate(const FlowQuery& query) const;

 private:
  bool IsControlPlane(const FlowQuery& query) const;

  const AddressGroups& groups_;
  std::vector<Endpoint> control_plane_;
  std::shared_ptr<const CompiledPolicy> policy_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_JUDGE_H_
