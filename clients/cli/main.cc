// sluice: the command line of a Sluice server.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/audit_commands.h"
#include "clients/cli/capture_command.h"
#include "clients/cli/cli.h"
#include "clients/cli/client.h"
#include "clients/cli/completion_commands.h"
#include "clients/cli/copy_command.h"
#include "clients/cli/credentials.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output.h"
#include "clients/cli/policy_commands.h"
#include "clients/cli/port_commands.h"
#include "clients/cli/run_commands.h"
#include "clients/cli/sandbox_commands.h"
#include "clients/cli/text.h"
#include "clients/cli/top_command.h"
#include "clients/cli/update_command.h"

namespace sluice::cli {
namespace {

constexpr char kFooter[] =
    "The options above may also stand after the subcommand.\n\n"
    "Exit codes: 0 done; 1 the server refused; 2 the command line is wrong; 3 no server\n"
    "answers; 4 policy check: denied. run and exec: the command's own; 128 plus the\n"
    "signal that ended it; 127 where the guest has no such program; 126 where its user\n"
    "may not run it; 125 where Sluice itself failed.\n\n"
    "Examples:\n"
    "  sluice run -- curl -sI https://example.com\n"
    "  sluice create --name web -p 8080:80 -- nginx -g 'daemon off;'\n"
    "  sluice exec -it web\n"
    "  sluice cp web:/etc/nginx ./nginx\n"
    "  sluice audit -f --denied\n"
    "  source <(sluice completion bash)\n"
    "  sluice run --help\n";

void AddCredentialOptions(CLI::App& app, CredentialFiles& files) {
  const auto add = [&app](const std::string& flag, std::string& file, const std::string& variable,
                          const std::string& what) {
    app.add_option(flag, file, absl::StrCat(what, "; else ", variable))->option_text("FILE")->envname(variable);
  };
  add("--tls_ca", files.authority, "SLUICE_TLS_CA", "whose server is trusted over TLS, PEM");
  add("--tls_cert", files.certificate, "SLUICE_TLS_CERT", "the client's certificate, PEM");
  add("--tls_key", files.key, "SLUICE_TLS_KEY", "its private key, PEM");
  add("--token_file", files.token, "SLUICE_TOKEN_FILE", "a bearer token, sent over TLS");
}

void AddGlobalOptions(CLI::App& app, Cli& cli) {
  app.add_option("--server", cli.server.address,
                 "unix:PATH or HOST:PORT; else SLUICE_SERVER, else " + cli.server.address)
      ->option_text("ADDR")
      ->envname("SLUICE_SERVER");
  AddCredentialOptions(app, cli.credentials);
  const auto set_format = [&cli](const std::string& word) {
    cli.json = word == "json";
    cli.yaml = word == "yaml";
  };
  app.add_option_function<std::string>("-o,--output", set_format,
                                       "table for people (the default), json for programs; yaml of policy get; run and exec "
                                       "print what their command does")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->option_text("table|json|yaml");
}

void AddCommands(CLI::App& app, Cli& cli) {
  AddRunCommands(app, cli);
  AddCopyCommand(app, cli);
  AddSandboxCommands(app, cli);
  AddUpdateCommand(app, cli);
  AddPortCommands(app, cli);
  AddPolicyCommands(app, cli);
  AddAuditCommands(app, cli);
  AddCaptureCommand(app, cli);
  AddTopCommand(app, cli);
  AddCompletionCommands(app, cli);
}

// Moves what follows the first "--" out of `arguments`, for it is not ours to
// interpret.
std::vector<std::string> TakeGuestCommand(std::vector<std::string>& arguments) {
  const auto mark = std::find(arguments.begin(), arguments.end(), "--");
  if (mark == arguments.end()) return {};
  std::vector<std::string> command(mark + 1, arguments.end());
  arguments.erase(mark, arguments.end());
  return command;
}

// The first word that should have been a subcommand and is none; "" where there is no
// such word.
std::string UnknownSubcommand(const CLI::App& app) {
  const CLI::App* innermost = &app;
  while (!innermost->get_subcommands().empty()) innermost = innermost->get_subcommands().front();
  if (innermost->get_require_subcommand_min() == 0) return "";
  const std::vector<std::string> left = app.remaining(/*recurse=*/true);
  return left.empty() || left.front()[0] == '-' ? "" : left.front();
}

// The innermost subcommand that was named: "sluice policy set".
std::string FullName(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app.get_name() : absl::StrCat(app.get_name(), " ", FullName(*parsed.front()));
}

// --help is a "parse error" to CLI11, with exit code 0.
int ReportParseError(const CLI::App& app, const Cli& cli, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const std::string unknown = UnknownSubcommand(app);
  if (!unknown.empty()) {
    return UsageError(absl::StrCat(FullName(app), " has no subcommand ", Printable(unknown), ": see `", FullName(app), " --help`"));
  }
  const bool extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  return UsageError(absl::StrCat(Printable(error.what()),
                                 extra && cli.takes_command ? " (the guest's command stands after --)" : "",
                                 ": see `", FullName(app), " --help`"));
}

int Run(std::vector<std::string> arguments) {
  Cli cli;
  CLI::App app("Sluice: sandboxes whose whole network is a policy and an audit trail.", "sluice");
  app.get_formatter()->column_width(36);
  // Every positional is required, and every value a text.
  app.get_formatter()->label("REQUIRED", "");
  app.get_formatter()->label("TEXT", "");
  app.fallthrough();
  app.require_subcommand(1);
  app.footer(kFooter);
  AddGlobalOptions(app, cli);
  AddCommands(app, cli);
  cli.command = TakeGuestCommand(arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants a vector
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return ReportParseError(app, cli, error);
  }
  if (!cli.command.empty() && !cli.takes_command) {
    return UsageError(absl::StrCat(FullName(app), " takes no command: leave out what follows --"));
  }
  if (cli.yaml && !cli.writes_yaml) return UsageError(absl::StrCat(FullName(app), " has no -o yaml"));
  if (const absl::Status status = CheckServerAddress(cli.server.address); !status.ok()) {
    return UsageError(absl::StrCat("--server: ", status.message()));
  }
  absl::StatusOr<Credentials> credentials = ReadCredentials(cli.credentials);
  if (!credentials.ok()) return UsageError(std::string(credentials.status().message()));
  cli.server.credentials = *std::move(credentials);
  return cli.action();
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) { return sluice::cli::Run({argv + 1, argv + argc}); }
