#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/linear_evaluator.h"
#include "netsvc/policy/random_policy.h"
#include "netsvc/policy/rule.h"
#include "netsvc/policy/verdict.h"

namespace sluice::policy {
namespace {

constexpr absl::Duration kTime = absl::Seconds(8);

AddressGroups Groups() {
  AddressGroups groups({.gateway = {IpPrefix::Parse("10.0.0.2").value(), IpPrefix::Parse("fd12:3400::/124").value()},
                        .extra_host = {IpPrefix::Parse("8.8.0.8/30").value()},
                        .nat64 = {IpPrefix::Parse("2001:db8::/96").value()}});
  groups.SetHostAddresses({IpAddress::Parse("192.168.0.1").value(), IpAddress::Parse("2606:4700::5").value()});
  return groups;
}

void AskBoth(const v1::NetworkPolicy& policy, const std::vector<Rule>& floor, RandomPolicy& random,
             const AddressGroups& groups) {
  const auto compiled = CompiledPolicy::Compile(policy, floor);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const LinearEvaluator linear(policy, floor);
  std::vector<DomainName> names;
  for (int i = 0; i < 400; ++i) {
    const FlowQuery query = random.Query(names);
    ASSERT_EQ((*compiled)->Evaluate(query, groups), linear.Evaluate(query, groups))
        << v1::Protocol_Name(query.protocol) << " " << query.remote.ToString() << " port " << query.port;
    const DomainName name = random.Name();
    ASSERT_EQ((*compiled)->EvaluateName(name), linear.EvaluateName(name)) << name.ToString();
    ASSERT_EQ((*compiled)->EvaluateResolver(v1::PROTOCOL_UDP, query.remote, groups),
              linear.EvaluateResolver(v1::PROTOCOL_UDP, query.remote, groups))
        << query.remote.ToString();
    ASSERT_EQ((*compiled)->AllowsAnswer(query.remote, groups), linear.AllowsAnswer(query.remote, groups))
        << query.remote.ToString();
  }
}

// Policies of few and of many rules, crowded and sparse, until the time is up.
// Each has its own seed, so that a failure is had again with that seed alone.
TEST(PolicyDifferentialTest, CompiledAndLinearNeverDisagree) {
  const AddressGroups groups = Groups();
  uint64_t seed = std::random_device{}();
  std::cout << "first seed: " << seed << std::endl;
  int policies = 0;
  for (const absl::Time end = absl::Now() + kTime; absl::Now() < end; ++seed, ++policies) {
    RandomPolicy random({.seed = seed, .world_bits = 1 + policies % 7, .peerless_percent = policies % 3});
    const v1::NetworkPolicy policy = random.Policy(1 + policies % 120);
    const std::vector<Rule> floor = policies % 2 == 0 ? random.Floor(policies % 5) : std::vector<Rule>();
    AskBoth(policy, floor, random, groups);
    if (HasFatalFailure()) FAIL() << "seed " << seed << "\n" << policy.DebugString();
  }
  EXPECT_GT(policies, 10);
}

TEST(PolicyDifferentialTest, TheyAgreeOnManyRules) {
  const AddressGroups groups = Groups();
  for (const uint64_t seed : {1, 2}) {
    RandomPolicy random({.seed = seed, .world_bits = 10, .peerless_percent = 0, .shortest_v4 = 8});
    AskBoth(random.Policy(4'000), {}, random, groups);
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::policy
