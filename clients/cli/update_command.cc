#include "clients/cli/update_command.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/json.h"
#include "clients/cli/output.h"
#include "clients/cli/retention_options.h"
#include "clients/cli/sandbox_options.h"

namespace sluice::cli {
namespace {

struct UpdateOptions {
  std::string sandbox;
  std::vector<std::string> labels;  // K=V
  std::vector<std::string> removed_labels;
  std::vector<std::string> nameservers;
  std::vector<std::string> blocked;
  std::optional<uint32_t> max_queries;
  std::optional<uint32_t> max_names;
  std::optional<uint32_t> max_flows;
  RetentionOptions retention;
  std::vector<std::string> reset;  // fields of network.dns, network.limits and network.audit
};

absl::Status FillLabels(const UpdateOptions& options, v1::UpdateSandboxRequest& request) {
  v1::Sandbox& sandbox = *request.mutable_sandbox();
  const absl::Status filled = FillMap("--label", options.labels, *sandbox.mutable_labels());
  if (!filled.ok()) return filled;
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  for (const auto& [key, value] : sandbox.labels()) mask.add_paths(absl::StrCat("labels.", key));
  for (const std::string& key : options.removed_labels) mask.add_paths(absl::StrCat("labels.", key));
  return absl::OkStatus();
}

absl::Status FillAudit(const RetentionOptions& options, v1::UpdateSandboxRequest& request) {
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  if (options.max_bytes) mask.add_paths("network.audit.max_bytes");
  if (options.max_age) mask.add_paths("network.audit.max_age");
  return options.Fill(*request.mutable_sandbox()->mutable_network()->mutable_audit());
}

void FillNetwork(const UpdateOptions& options, v1::UpdateSandboxRequest& request) {
  v1::DnsConfig& dns = *request.mutable_sandbox()->mutable_network()->mutable_dns();
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  dns.mutable_nameservers()->Assign(options.nameservers.begin(), options.nameservers.end());
  if (!options.nameservers.empty()) mask.add_paths("network.dns.nameservers");
  dns.mutable_blocked_domains()->Assign(options.blocked.begin(), options.blocked.end());
  if (!options.blocked.empty()) mask.add_paths("network.dns.blocked_domains");
  dns.set_max_queries_per_second(options.max_queries.value_or(0));
  if (options.max_queries) mask.add_paths("network.dns.max_queries_per_second");
  dns.set_max_names_per_domain(options.max_names.value_or(0));
  if (options.max_names) mask.add_paths("network.dns.max_names_per_domain");
  request.mutable_sandbox()->mutable_network()->mutable_limits()->set_max_flows(options.max_flows.value_or(0));
  if (options.max_flows) mask.add_paths("network.limits.max_flows");
  for (const std::string& field : options.reset) mask.add_paths(absl::StrCat("network.", field));
}

int Update(const Cli& cli, const UpdateOptions& options) {
  v1::UpdateSandboxRequest request;
  request.mutable_sandbox()->set_id(options.sandbox);
  absl::Status filled = FillLabels(options, request);
  if (filled.ok()) filled = FillAudit(options.retention, request);
  if (!filled.ok()) return UsageError(filled.message());
  FillNetwork(options, request);
  if (request.update_mask().paths().empty()) return UsageError("nothing to change: give an option");
  v1::UpdateSandboxResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::UpdateSandbox, request, &response);
  if (!status.ok()) return client.Fail(absl::StrCat("cannot update ", options.sandbox), status);
  return Print(absl::StrCat(cli.json ? JsonPretty(response.sandbox()) : response.sandbox().id(), "\n"));
}

}  // namespace

void AddUpdateCommand(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App* update = app.add_subcommand("update", "Change labels, DNS settings, limits and retention of a sandbox");
  update->add_option("SANDBOX", options->sandbox, "Its id")->required();
  AddRepeated(update, "-l,--label", options->labels, "Set this label. May be repeated")->type_name("K=V");
  AddRepeated(update, "--remove-label", options->removed_labels, "Take this label away. May be repeated")
      ->type_name("K");
  AddRepeated(update, "--nameserver", options->nameservers, "Ask these resolvers, and no others. May be repeated")
      ->type_name("IP[:PORT]");
  AddRepeated(update, "--block", options->blocked, "Block these names, and no others. May be repeated")
      ->type_name("DOMAIN");
  update->add_option("--max-queries", options->max_queries, "DNS queries a second; 0 for no limit")->type_name("N");
  update->add_option("--max-names", options->max_names, "Names of one domain a minute; 0 for no limit")->type_name("N");
  update->add_option("--max-flows", options->max_flows, "Flows at once; 0 for the server's default")->type_name("N");
  AddRetentionOptions(update, options->retention);
  AddRepeated(update, "--reset", options->reset, "Set a part of dns, limits or audit, or all of it, to its default")
      ->type_name("FIELD");
  update->footer(
      "Examples:\n"
      "  sluice update web -l tier=front --remove-label draft\n"
      "  sluice update web --block '*.ads.example' --max-names 100\n"
      "  sluice update web --audit-max-age 1h\n"
      "  sluice update web --reset dns.nameservers --reset limits\n");
  SetAction(update, cli, options, &Update);
}

}  // namespace sluice::cli
