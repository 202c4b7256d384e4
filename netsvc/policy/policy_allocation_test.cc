#include <vector>

#include "gtest/gtest.h"
#include "netsvc/base/allocation_count.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/domain_set.h"
#include "netsvc/policy/random_policy.h"
#include "netsvc/policy/rule_hits.h"

namespace sluice::policy {
namespace {

TEST(PolicyAllocationTest, AskingAllocatesNothing) {
  RandomPolicy random({.seed = 7, .world_bits = 8});
  const auto policy = CompiledPolicy::Compile(random.Policy(500)).value();
  const AddressGroups groups({});
  groups.Classify(random.Address());  // makes the table
  std::vector<DomainName> names;
  for (int i = 0; i < 1000; ++i) {
    const FlowQuery query = random.Query(names);
    const DomainName name = random.Name();
    const int before = AllocationCount();
    policy->Evaluate(query, groups);
    policy->EvaluateName(name);
    policy->EvaluateResolver(v1::PROTOCOL_UDP, query.remote, groups);
    policy->AllowsAnswer(query.remote, groups);
    ASSERT_EQ(AllocationCount(), before);
  }
}

TEST(PolicyAllocationTest, CountingWhatARuleDecidedAllocatesNothing) {
  RandomPolicy random({.seed = 7, .world_bits = 8});
  const auto policy = CompiledPolicy::Compile(random.Policy(500)).value();
  RuleHits hits(policy, absl::UnixEpoch());
  for (size_t rule = 0; rule < policy->rule_count(); ++rule) {
    const int before = AllocationCount();
    hits.Count(RuleHits::Kind::kFlow, v1::ACTION_DENY, policy->rule_id(rule), absl::UnixEpoch());
    hits.Count(RuleHits::Kind::kName, v1::ACTION_ALLOW, kDefaultRuleId, absl::UnixEpoch());
    ASSERT_EQ(AllocationCount(), before);
  }
}

}  // namespace
}  // namespace sluice::policy
