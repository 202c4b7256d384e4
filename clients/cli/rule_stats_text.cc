#include "clients/cli/rule_stats_text.h"

#include "absl/strings/str_cat.h"
#include "clients/cli/table.h"
#include "clients/cli/text.h"
#include "clients/cpp/peer_syntax.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

using client::RuleText;

std::string Ago(const google::protobuf::Timestamp& time, absl::Time now) {
  return absl::StrCat(DurationText(absl::Trunc(now - FromProto(time), absl::Seconds(1))), " ago");
}

std::string CountText(uint64_t count) { return count == 0 ? "-" : absl::StrCat(count); }

// The rules of the policy come first, in its order; the operator's last.
std::string WhatText(const v1::NetworkPolicy& policy, int index) {
  if (index < policy.rules_size()) return RuleText(policy.rules(index));
  return index < policy.rules_size() + 2 ? EnumWord(policy.preset()) : "of the operator";
}

}  // namespace

std::string RuleStatsTable(const v1::GetNetworkPolicyResponse& response, absl::Time now) {
  Table table({"RULE", "FLOWS ALLOWED", "DENIED", "NAMES ALLOWED", "DENIED", "LAST", "WHAT"});
  for (int i = 0; i < response.rule_stats_size(); ++i) {
    const v1::RuleStats& stats = response.rule_stats(i);
    table.AddRow({stats.rule_id(), CountText(stats.flows_allowed()), CountText(stats.flows_denied()),
                  CountText(stats.names_allowed()), CountText(stats.names_denied()),
                  stats.has_last_hit_time() ? Ago(stats.last_hit_time(), now) : "never",
                  WhatText(response.policy(), i)});
  }
  return absl::StrCat(table.Render(), "\ngeneration ", response.policy_generation(), ", counted since ",
                      Ago(response.stats_since(), now), "\n");
}

}  // namespace sluice::cli
