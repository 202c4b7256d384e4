#ifndef SLUICE_CLIENTS_CLI_RULE_STATS_TEXT_H_
#define SLUICE_CLIENTS_CLI_RULE_STATS_TEXT_H_

#include <string>

#include "absl/time/time.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice::cli {

// What each rule of a policy says and how often it has decided, for people.
std::string RuleStatsTable(const v1::GetNetworkPolicyResponse& response, absl::Time now);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_RULE_STATS_TEXT_H_
