#include "clients/cli/port_commands.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/json.h"
#include "clients/cli/output.h"
#include "clients/cpp/port_syntax.h"

namespace sluice::cli {
namespace {

using client::ParseHostPort;
using client::ParsePortMapping;
using client::PortMappingText;

struct PortOptions {
  std::string sandbox;
  std::string port;
};

int Publish(const Cli& cli, const PortOptions& options) {
  const absl::StatusOr<v1::PortMapping> port = ParsePortMapping(options.port);
  if (!port.ok()) return UsageError(port.status().message());
  v1::PublishPortRequest request;
  request.set_sandbox_id(options.sandbox);
  *request.mutable_port() = *port;
  v1::PublishPortResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::PublishPort, request, &response);
  if (!status.ok()) return client.Fail(absl::StrCat("cannot publish ", PortMappingText(*port)), status);
  return Print(absl::StrCat(cli.json ? JsonLine(response.port()) : PortMappingText(response.port()), "\n"));
}

int Unpublish(const Cli& cli, const PortOptions& options) {
  const absl::StatusOr<v1::PortMapping> port = ParseHostPort(options.port);
  if (!port.ok()) return UsageError(port.status().message());
  v1::UnpublishPortRequest request;
  request.set_sandbox_id(options.sandbox);
  *request.mutable_port() = *port;
  v1::UnpublishPortResponse response;
  Client client(cli.server);
  const grpc::Status status = client.Call(&v1::SandboxService::Stub::UnpublishPort, request, &response);
  if (!status.ok()) return client.Fail(absl::StrCat("cannot unpublish ", options.port), status);
  if (cli.json) return Print(absl::StrCat(JsonLine(response), "\n"));
  return Print(absl::StrCat("unpublished ", options.port, ", ", response.flows_closed(), " flows ended\n"));
}

}  // namespace

void AddPortCommands(CLI::App& app, Cli& cli) {
  auto publish_options = std::make_shared<PortOptions>();
  CLI::App* publish = app.add_subcommand("publish", "Let a port of the host reach a port of the guest");
  publish->add_option("SANDBOX", publish_options->sandbox, "Its id")->required();
  publish->add_option("PORT", publish_options->port, "[ADDR:]HOST:GUEST[/udp]; HOST 0 is any free port")
      ->required();
  publish->footer(
      "Prints what was bound: ADDR:HOST->GUEST/PROTOCOL.\n\n"
      "Examples:\n"
      "  sluice publish web 8080:80\n"
      "  sluice publish web 0.0.0.0:5353:53/udp\n"
      "  sluice publish web 0:80\n");
  SetAction(publish, cli, publish_options, &Publish);

  auto unpublish_options = std::make_shared<PortOptions>();
  CLI::App* unpublish = app.add_subcommand("unpublish", "Close a published port and its flows");
  unpublish->add_option("SANDBOX", unpublish_options->sandbox, "Its id")->required();
  unpublish->add_option("PORT", unpublish_options->port, "[ADDR:]HOST[/udp]")->required();
  unpublish->footer("Examples:\n  sluice unpublish web 8080\n  sluice unpublish web 0.0.0.0:5353/udp\n");
  SetAction(unpublish, cli, unpublish_options, &Unpublish);
}

}  // namespace sluice::cli
