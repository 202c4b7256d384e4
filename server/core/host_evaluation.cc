#include "server/core/host_evaluation.h"

#include <memory>
#include <utility>
#include <vector>

#include "netsvc/base/clock.h"
#include "netsvc/base/field_error.h"
#include "netsvc/dns/bindings.h"
#include "netsvc/dns/block_lists.h"
#include "netsvc/dns/name_judge.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/floor.h"
#include "netsvc/policy/judge.h"
#include "netsvc/worker/explainer.h"
#include "netsvc/worker/flow_judge.h"
#include "netsvc/worker/host_addresses.h"
#include "server/core/interface_plan.h"

namespace sluice {

absl::StatusOr<internal::v1::EvaluateResult> EvaluateOnHost(const internal::v1::Evaluate& question,
                                                            const HostNetwork& host, const policy::RuleProtos& floor) {
  const absl::StatusOr<std::vector<policy::Rule>> floor_rules = policy::ParseFloor(floor);
  if (!floor_rules.ok()) return floor_rules.status();
  auto compiled = policy::CompiledPolicy::Compile(question.policy(), *floor_rules);
  if (!compiled.ok()) return InField("policy", compiled.status());
  const absl::StatusOr<InterfacePlan> plan = InterfacePlan::Make("", {});
  if (!plan.ok()) return plan.status();
  absl::StatusOr<std::vector<IpAddress>> addresses = ReadHostAddresses();
  if (!addresses.ok()) return addresses.status();
  policy::AddressGroups groups({.gateway = {IpPrefix(plan->ipv4.gateway, 32), IpPrefix(plan->ipv4.dns, 32),
                                            plan->ipv6.subnet},
                                .extra_host = host.extra_host_cidrs,
                                .nat64 = host.nat64_prefixes});
  groups.SetHostAddresses(*addresses);
  const policy::Judge judge(groups, host.control_plane, *std::move(compiled));
  const dns::BlockLists no_lists;
  const dns::NameJudge names(v1::DnsConfig(), no_lists);
  const dns::Bindings nothing_resolved(Clock::System());
  const FlowJudge flows({.judge = judge, .bindings = nothing_resolved, .names = names});
  return Explainer({judge, flows, names, plan->ipv4.dns}).Explain(question);
}

}  // namespace sluice
