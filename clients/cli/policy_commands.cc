#include "clients/cli/policy_commands.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/json.h"
#include "clients/cli/output.h"
#include "clients/cli/policy_file.h"
#include "clients/cli/policy_options.h"

namespace sluice::cli {
namespace {

struct SetOptions {
  std::string sandbox;
  v1::NetworkPolicy policy;
  std::string file;
  uint64_t expected_generation = 0;
  bool keep_open_flows = false;
};

struct GetOptions {
  std::string sandbox;
};

// From the file or from the options, never from both.
absl::StatusOr<v1::NetworkPolicy> ChosenPolicy(const SetOptions& options) {
  const v1::NetworkPolicy& policy = options.policy;
  if (options.file.empty()) {
    if (policy.preset() != v1::PRESET_UNSPECIFIED) return policy;
    return absl::InvalidArgumentError(
        "the new policy replaces the old one whole: --policy PRESET or -f FILE is needed");
  }
  if (policy.ByteSizeLong() == 0) return ReadPolicyFile(options.file);
  return absl::InvalidArgumentError("-f is a whole policy: leave out --policy, --allow, --deny and --drop");
}

int Set(const Cli& cli, const SetOptions& options) {
  const absl::StatusOr<v1::NetworkPolicy> policy = ChosenPolicy(options);
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

int Get(const Cli& cli, const GetOptions& options) {
  v1::GetSandboxRequest request;
  request.set_sandbox_id(options.sandbox);
  v1::GetSandboxResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::GetSandbox, request, &response);
  if (!status.ok()) return client.Fail(absl::StrCat("cannot get the policy of ", options.sandbox), status);
  return Print(absl::StrCat(JsonPretty(response.sandbox().network().policy()), "\n"));
}

void AddSet(CLI::App& policy, Cli& cli) {
  auto options = std::make_shared<SetOptions>();
  CLI::App* set = policy.add_subcommand("set", "Replace a sandbox's policy, at once and whole");
  set->add_option("SANDBOX", options->sandbox, "Its id")->required();
  AddPolicyOptions(set, options->policy);
  set->add_option("-f,--file", options->file, "A policy in JSON, or YAML by its name; - is standard input")
      ->type_name("FILE");
  set->add_option("--expected-generation", options->expected_generation,
                  "Refuse where the current generation is another")
      ->type_name("N");
  set->add_flag("--keep-open-flows", options->keep_open_flows, "Leave open flows that the new policy denies");
  set->footer(
      "Examples:\n"
      "  sluice policy set web --policy allowlist --allow '*.pypi.org:443' --allow 10.0.0.5:5432/tcp\n"
      "  sluice policy set web --policy public_only --deny '*.tracking.com' --drop\n"
      "  sluice policy get web > policy.json && sluice policy set web -f policy.json\n");
  SetAction(set, cli, options, &Set);
}

}  // namespace

void AddPolicyCommands(CLI::App& app, Cli& cli) {
  CLI::App* policy = app.add_subcommand("policy", "Set or show a sandbox's policy");
  policy->require_subcommand(1);
  policy->footer("Examples:\n  sluice policy set web --policy none\n  sluice policy get web\n");
  AddSet(*policy, cli);
  auto options = std::make_shared<GetOptions>();
  CLI::App* get =
      policy->add_subcommand("get", "Print a sandbox's policy in JSON, as `policy set -f` takes it");
  get->add_option("SANDBOX", options->sandbox, "Its id")->required();
  get->footer("Examples:\n  sluice policy get web\n  sluice policy get web > policy.json\n");
  SetAction(get, cli, options, &Get);
}

}  // namespace sluice::cli
