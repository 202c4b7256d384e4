#include "netsvc/policy/judge.h"

#include <algorithm>
#include <utility>

namespace sluice::policy {

Judge::Judge(const AddressGroups& groups, std::vector<Endpoint> control_plane,
             std::shared_ptr<const CompiledPolicy> policy)
    : groups_(groups), control_plane_(std::move(control_plane)), policy_(std::move(policy)) {}

Verdict Judge::Evaluate(const FlowQuery& query) const {
  if (IsControlPlane(query)) {
    return {.action = v1::ACTION_DENY, .reason = v1::Verdict::REASON_CONTROL_PLANE, .rule_id = kDefaultRuleId};
  }
  return policy_->Evaluate(query, groups_);
}

bool Judge::IsControlPlane(const FlowQuery& query) const {
  if (query.direction == v1::DIRECTION_INGRESS || query.protocol != v1::PROTOCOL_TCP) return false;
  const AddressTraits remote = groups_.Inspect(query.remote);
  // A connect to 0.0.0.0 or :: goes to the loopback interface on Linux.
  const bool leads_to_host = remote.group == v1::ADDRESS_GROUP_HOST || remote.group == v1::ADDRESS_GROUP_LOOPBACK ||
                             remote.unwrapped.IsUnspecified();
  if (!leads_to_host) return false;
  // Any address of the host will do: the gateway's alias stands for all of its
  // loopback, and a listener on one address is not worth telling from another.
  return std::any_of(control_plane_.begin(), control_plane_.end(),
                     [&](const Endpoint& listener) { return listener.port == query.port; });
}

}  // namespace sluice::policy
