#include "clients/cli/policy_commands.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "clients/cli/client.h"
#include "clients/cli/json.h"
#include "clients/cli/output.h"
#include "clients/cli/policy_check.h"
#include "clients/cli/policy_source.h"
#include "clients/cli/rule_stats_text.h"
#include "protos/text/yaml_message.h"

namespace sluice::cli {
namespace {

struct SetOptions {
  std::string sandbox;
  PolicySource policy;
  uint64_t expected_generation = 0;
  bool keep_open_flows = false;
};

struct GetOptions {
  std::string sandbox;
  bool stats = false;
};

int Set(const Cli& cli, const SetOptions& options) {
  const absl::StatusOr<v1::NetworkPolicy> policy = options.policy.Read();
  if (!policy.ok()) return UsageError(policy.status().message());
  v1::SetNetworkPolicyRequest request;
  request.set_sandbox_id(options.sandbox);
  *request.mutable_policy() = *policy;
  request.set_expected_generation(options.expected_generation);
  request.set_keep_open_flows(options.keep_open_flows);
  v1::SetNetworkPolicyResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::SetNetworkPolicy, request, &response);
  if (!status.ok()) return client.Fail(absl::StrCat("cannot set the policy of ", options.sandbox), status);
  if (cli.json) return Print(absl::StrCat(JsonLine(response), "\n"));
  return Print(absl::StrCat("generation ", response.policy_generation(), ", ", response.flows_closed(),
                            " flows ended\n"));
}

// A file that `policy set -f` takes; of a policy with its statistics, the answer.
int Get(const Cli& cli, const GetOptions& options) {
  v1::GetNetworkPolicyRequest request;
  request.set_sandbox_id(options.sandbox);
  request.set_include_stats(options.stats);
  v1::GetNetworkPolicyResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::GetNetworkPolicy, request, &response);
  if (!status.ok()) return client.Fail(absl::StrCat("cannot get the policy of ", options.sandbox), status);
  if (options.stats && cli.json) return Print(absl::StrCat(JsonLine(response), "\n"));
  if (options.stats) return Print(RuleStatsTable(response, absl::Now()));
  if (cli.json) return Print(absl::StrCat(JsonPretty(response.policy()), "\n"));
  return Print(absl::StrCat("# The policy of ", options.sandbox, ", generation ", response.policy_generation(),
                            ".\n", ToYaml(response.policy())));
}

void AddSet(CLI::App& policy, Cli& cli) {
  auto options = std::make_shared<SetOptions>();
  CLI::App* set = policy.add_subcommand("set", "Replace a sandbox's policy, at once and whole");
  set->add_option("SANDBOX", options->sandbox, "Its id")->required();
  AddPolicySource(set, options->policy);
  set->add_option("--expected-generation", options->expected_generation,
                  "Refuse where the current generation is another")
      ->type_name("N");
  set->add_flag("--keep-open-flows", options->keep_open_flows, "Leave open flows that the new policy denies");
  set->footer(
      "From the answer on, no packet is judged by the old policy; open flows that the\n"
      "new one denies are ended, unless --keep-open-flows. A policy with a mistake in it\n"
      "changes nothing.\n\n"
      "A file has the shape of sluice.v1.NetworkPolicy, in YAML or JSON:\n\n"
      "  preset: PRESET_ALLOWLIST\n"
      "  rules:\n"
      "    - id: db\n"
      "      action: ACTION_ALLOW\n"
      "      protocols: [PROTOCOL_TCP]\n"
      "      peers: [{cidr: 10.0.0.5}]\n"
      "      ports: [{first: 5432}]\n\n"
      "Examples:\n"
      "  sluice policy set web --policy allowlist --allow '*.pypi.org:443' --allow 10.0.0.5:5432/tcp\n"
      "  sluice policy set web --policy public_only --deny '*.tracking.com' --drop\n"
      "  sluice policy get web > policy.yaml && sluice policy set web -f policy.yaml\n");
  SetAction(set, cli, options, &Set);
}

void AddGet(CLI::App& policy, Cli& cli) {
  auto options = std::make_shared<GetOptions>();
  CLI::App* get = policy.add_subcommand("get", "Print a sandbox's policy, as `policy set -f` takes it");
  get->add_option("SANDBOX", options->sandbox, "Its id")->required();
  get->add_flag("--stats", options->stats, "How often each rule has decided, instead");
  get->footer(
      "Prints YAML, or JSON with -o json; both complete, with the defaults filled in.\n\n"
      "Examples:\n"
      "  sluice policy get web\n"
      "  sluice policy get web --stats\n"
      "  sluice policy get web > policy.yaml\n");
  get->preparse_callback([&cli, options](size_t) { cli.writes_yaml = true; });
  SetAction(get, cli, options, &Get);
}

}  // namespace

void AddPolicyCommands(CLI::App& app, Cli& cli) {
  CLI::App* policy = app.add_subcommand("policy", "Set, show or question a sandbox's policy");
  policy->require_subcommand(1);
  policy->footer(
      "Examples:\n"
      "  sluice policy set web --policy none\n"
      "  sluice policy get web\n"
      "  sluice policy check web tcp 10.1.2.3:443\n");
  AddSet(*policy, cli);
  AddGet(*policy, cli);
  AddPolicyCheck(*policy, cli);
}

}  // namespace sluice::cli
