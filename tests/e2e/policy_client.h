#ifndef SLUICE_TESTS_E2E_POLICY_CLIENT_H_
#define SLUICE_TESTS_E2E_POLICY_CLIENT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"
#include "tests/e2e/sandbox_client.h"

// Calls about policies that tests make of a server.

namespace sluice::e2e {

// What the server says; the status where it refuses.
grpc::Status Evaluate(SandboxClient& client, const v1::EvaluatePolicyRequest& request,
                      v1::EvaluatePolicyResponse& response);

// With statistics. An error fails the test, and returns nothing.
v1::GetNetworkPolicyResponse GetPolicyStats(SandboxClient& client, const std::string& id);

// Of one rule; empty where there is none.
v1::RuleStats StatsOf(const v1::GetNetworkPolicyResponse& policy, absl::string_view rule_id);

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_POLICY_CLIENT_H_
