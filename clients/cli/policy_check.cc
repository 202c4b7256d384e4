#include "clients/cli/policy_check.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/flow_words.h"
#include "clients/cli/json.h"
#include "clients/cli/output.h"
#include "clients/cli/policy_source.h"
#include "clients/cli/table.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

struct CheckOptions {
  std::vector<std::string> words;  // [SANDBOX] KIND REMOTE
  PolicySource policy;
  std::string name;
  bool ingress = false;
};

absl::StatusOr<v1::EvaluatePolicyRequest> MakeRequest(const CheckOptions& options) {
  v1::EvaluatePolicyRequest request;
  const size_t count = options.words.size();
  if (count == 3) request.set_sandbox_id(options.words[0]);
  if (count == 2 && !options.policy.given()) {
    return absl::InvalidArgumentError("whose policy? A SANDBOX, --policy PRESET or -f FILE is needed");
  }
  if (options.policy.given()) {
    const absl::StatusOr<v1::NetworkPolicy> policy = options.policy.Read();
    if (!policy.ok()) return policy.status();
    *request.mutable_policy() = *policy;
  }
  request.set_direction(options.ingress ? v1::DIRECTION_INGRESS : v1::DIRECTION_EGRESS);
  const absl::Status status = ParseFlowWords(options.words[count - 2], options.words[count - 1], request);
  if (!status.ok()) return status;
  if (!options.name.empty()) request.set_remote_domain(options.name);
  return request;
}

std::string Details(const v1::EvaluatePolicyResponse& response) {
  Table table;
  table.AddRow({"verdict", EnumWord(response.verdict().action())});
  table.AddRow({"rule", response.verdict().rule_id()});
  table.AddRow({"reason", EnumWord(response.verdict().reason())});
  if (response.remote_group() != v1::ADDRESS_GROUP_UNSPECIFIED) {
    table.AddRow({"group", EnumWord(response.remote_group())});
  }
  return table.Render();
}

int Check(const Cli& cli, const CheckOptions& options) {
  const absl::StatusOr<v1::EvaluatePolicyRequest> request = MakeRequest(options);
  if (!request.ok()) return UsageError(request.status().message());
  v1::EvaluatePolicyResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::EvaluatePolicy, *request, &response);
  if (!status.ok()) return client.Fail("cannot check the policy", status);
  const int printed = Print(cli.json ? absl::StrCat(JsonLine(response), "\n")
                                     : absl::StrCat(VerdictSentence(*request, response), "\n", Details(response)));
  if (printed != kOk) return printed;
  return response.verdict().action() == v1::ACTION_ALLOW ? kOk : kDenied;
}

}  // namespace

void AddPolicyCheck(CLI::App& policy, Cli& cli) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* check = policy.add_subcommand("check", "Ask what a policy says of a flow or a name, and why");
  check
      ->add_option("WORDS", options->words,
                   "The sandbox's id (left out: of a policy that no sandbox has), then tcp or udp and "
                   "ADDRESS:PORT, icmp and ADDRESS, or name and NAME")
      ->required()
      ->expected(2, 3)
      ->option_text("[SANDBOX] KIND REMOTE");
  AddPolicySource(check, options->policy);
  check->add_option("--name", options->name, "The flow is under this name: its TLS SNI or HTTP Host")
      ->type_name("NAME");
  check->add_flag("--ingress", options->ingress,
                  "A peer at ADDRESS reaches the guest's PORT through a published port");
  check->footer(
      "Nothing is sent. The answer is that of the audit event which the same attempt of\n"
      "the guest would leave. With a sandbox and --policy or -f, that policy is asked\n"
      "about as if the sandbox had it.\n\n"
      "Exit codes: 0 allowed; 4 denied; 1, 2, 3 as always.\n\n"
      "Examples:\n"
      "  sluice policy check web tcp 10.1.2.3:443\n"
      "  sluice policy check web name files.pythonhosted.org\n"
      "  sluice policy check web tcp 151.101.0.223:443 --name pypi.org\n"
      "  sluice policy check web --ingress tcp 203.0.113.5:8000\n"
      "  sluice policy check -f policy.yaml udp '[2001:db8::1]:443'\n"
      "  sluice policy check web icmp 8.8.8.8 --policy public_only --deny any/icmp\n");
  SetAction(check, cli, options, &Check);
}

}  // namespace sluice::cli
