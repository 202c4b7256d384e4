// Policies that are wrong, policies that are as large as may be, and a host whose
// addresses change.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/policy_client.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr int kMaxRules = 65'536;

// Denies as many addresses that nobody asks for.
v1::NetworkPolicy ManyRules(int count) {
  v1::NetworkPolicy policy;
  policy.set_preset(v1::PRESET_PUBLIC_ONLY);
  for (int i = 0; i < count; ++i) {
    v1::Rule& rule = *policy.add_rules();
    rule.set_action(v1::ACTION_DENY);
    rule.add_peers()->set_cidr(absl::StrCat("11.", i >> 16 & 255, ".", i >> 8 & 255, ".", i & 255));
  }
  return policy;
}

class PolicyInputTest : public E2eTest {
 protected:
  static grpc::Status TryCreate(const v1::NetworkPolicy& policy) {
    v1::CreateSandboxRequest request;
    request.mutable_sandbox()->set_id("wrong");
    request.mutable_sandbox()->mutable_guest()->mutable_oci();
    *request.mutable_sandbox()->mutable_network()->mutable_policy() = policy;
    v1::CreateSandboxResponse response;
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    return client().sandboxes().CreateSandbox(&context, request, &response);
  }
  static grpc::Status TrySet(const std::string& id, const v1::NetworkPolicy& policy) {
    v1::SetNetworkPolicyRequest request;
    request.set_sandbox_id(id);
    *request.mutable_policy() = policy;
    v1::SetNetworkPolicyResponse response;
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    return client().sandboxes().SetNetworkPolicy(&context, request, &response);
  }
  static v1::AddressGroup GroupOf(const std::string& id, const std::string& address) {
    v1::EvaluatePolicyRequest request;
    request.set_sandbox_id(id);
    if (id.empty()) request.mutable_policy()->set_preset(v1::PRESET_PUBLIC_ONLY);
    request.set_protocol(v1::PROTOCOL_TCP);
    request.set_remote_address(address);
    request.set_port(80);
    v1::EvaluatePolicyResponse response;
    const grpc::Status status = Evaluate(client(), request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.remote_group();
  }
};

TEST_F(PolicyInputTest, AMistakeIsNamedAndTheOldPolicyStays) {
  const std::string id = CreateOci(
      "preset: PRESET_PUBLIC_ONLY rules { id: 'old' action: ACTION_DENY peers { cidr: '93.184.216.35' } }");
  const std::string first = "preset: PRESET_ALLOW_ALL rules { action: ACTION_ALLOW ";
  std::vector<std::pair<v1::NetworkPolicy, std::string>> cases;
  for (const auto& [text, field] : std::vector<std::pair<std::string, std::string>>{
           {first + "ports { first: 80 last: 79 } }", "rules[0].ports[0].last"},
           {first + "ports { first: 65536 } }", "rules[0].ports[0].first"},
           {first + "ports { last: 7 } }", "rules[0].ports[0].first"},
           {first + "peers { cidr: '10.0.0.1/8' } }", "rules[0].peers[0].cidr"},
           {first + "peers { cidr: '2001:db8::1/32' } }", "rules[0].peers[0].cidr"},
           {first + "peers { domain: '' } }", "rules[0].peers[0].domain"},
           {first + "peers { domain: '*' } }", "rules[0].peers[0].domain"},
           {first + "peers {} }", "rules[0].peers[0].kind"},
           {first + "id: 'a' } rules { id: 'a' action: ACTION_DENY }", "rules[1].id"},
           {first + "id: 'rule-1' }", "rules[0].id"},
           {"preset: PRESET_ALLOW_ALL rules {}", "rules[0].action"}}) {
    cases.emplace_back(Proto<v1::NetworkPolicy>(text), field);
  }
  cases.emplace_back(ManyRules(kMaxRules + 1), "rules");
  for (const auto& [policy, field] : cases) {
    SCOPED_TRACE(field);
    const grpc::Status created = TryCreate(policy);
    EXPECT_EQ(created.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(BadField(created), absl::StrCat("sandbox.network.policy.", field)) << created.error_message();
    const grpc::Status set = TrySet(id, policy);
    EXPECT_EQ(set.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(BadField(set), absl::StrCat("policy.", field)) << set.error_message();
  }
  EXPECT_TRUE(absl::IsNotFound(client().Get("wrong").status()));
  EXPECT_EQ(client().Get(id)->network_status().policy_generation(), 1u);
  EXPECT_EQ(Run(id, TcpConnect("93.184.216.35", 80)).out, "ECONNREFUSED\n");
  EXPECT_EQ(AwaitEvent(id, Denied("93.184.216.35", 80, v1::Verdict::REASON_RULE)).flow().verdict().rule_id(), "old");
  EXPECT_EQ(Run(id, TcpConnect("198.35.26.96", 7)).out, "ping\n");
}

TEST_F(PolicyInputTest, AsManyRulesAsMayBeAreJudgedToTheLast) {
  v1::NetworkPolicy policy = ManyRules(kMaxRules);
  policy.mutable_rules(kMaxRules - 1)->mutable_peers(0)->set_cidr("198.35.26.96");
  v1::Sandbox sandbox = Proto<v1::Sandbox>("guest { oci {} }");
  *sandbox.mutable_network()->mutable_policy() = policy;
  const std::string id = Create(sandbox);
  EXPECT_EQ(Run(id, TcpConnect("198.35.26.96", 7)).out, "ECONNREFUSED\n");
  EXPECT_EQ(AwaitEvent(id, Denied("198.35.26.96", 7, v1::Verdict::REASON_RULE)).flow().verdict().rule_id(),
            "rule-65535");
  const v1::GetNetworkPolicyResponse stats = GetPolicyStats(client(), id);
  EXPECT_EQ(stats.rule_stats_size(), kMaxRules + 2);
  EXPECT_EQ(StatsOf(stats, "rule-65535").flows_denied(), 1u);

  policy.mutable_rules(kMaxRules - 1)->mutable_peers(0)->set_cidr("198.35.26.97");
  const grpc::Status set = TrySet(id, policy);
  ASSERT_TRUE(set.ok()) << set.error_message();
  EXPECT_EQ(Run(id, TcpConnect("198.35.26.96", 7)).out, "ping\n");
}

TEST_F(PolicyInputTest, AnAddressThatTheHostGainsIsTheHostsAtOnce) {
  // Outside every group but PUBLIC, until the host has it.
  const std::vector<std::pair<std::string, std::string>> addresses = {{"151.101.0.223", "151.101.0.223/32"},
                                                                      {"2a04:4e42::223", "2a04:4e42::223/128"}};
  const std::string id = CreateOci("");
  for (const auto& [address, prefix] : addresses) {
    SCOPED_TRACE(address);
    for (const std::string& asked : {id, std::string()}) {
      EXPECT_EQ(GroupOf(asked, address), v1::ADDRESS_GROUP_PUBLIC);
    }
    ASSERT_EQ(RunOnHost({"ip", "addr", "add", prefix, "dev", "lo"}).exit_code, 0);
    for (const std::string& asked : {id, std::string()}) EXPECT_EQ(GroupOf(asked, address), v1::ADDRESS_GROUP_HOST);
    EXPECT_EQ(Run(id, TcpConnect(address, 8080)).out, "ECONNREFUSED\n");
    AwaitEvent(id, Denied(address, 8080, v1::Verdict::REASON_DEFAULT));
    ASSERT_EQ(RunOnHost({"ip", "addr", "del", prefix, "dev", "lo"}).exit_code, 0);
    for (const std::string& asked : {id, std::string()}) {
      EXPECT_EQ(GroupOf(asked, address), v1::ADDRESS_GROUP_PUBLIC);
    }
  }
}

}  // namespace
}  // namespace sluice::e2e
