#include "tests/e2e/policy_client.h"

#include "gtest/gtest.h"

namespace sluice::e2e {

grpc::Status Evaluate(SandboxClient& client, const v1::EvaluatePolicyRequest& request,
                      v1::EvaluatePolicyResponse& response) {
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  return client.sandboxes().EvaluatePolicy(&context, request, &response);
}

v1::GetNetworkPolicyResponse GetPolicyStats(SandboxClient& client, const std::string& id) {
  v1::GetNetworkPolicyRequest request;
  request.set_sandbox_id(id);
  request.set_include_stats(true);
  v1::GetNetworkPolicyResponse response;
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  const grpc::Status status = client.sandboxes().GetNetworkPolicy(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

v1::RuleStats StatsOf(const v1::GetNetworkPolicyResponse& policy, absl::string_view rule_id) {
  for (const v1::RuleStats& stats : policy.rule_stats()) {
    if (stats.rule_id() == rule_id) return stats;
  }
  return {};
}

}  // namespace sluice::e2e
