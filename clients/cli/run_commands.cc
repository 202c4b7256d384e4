#include "clients/cli/run_commands.h"

#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/exec_session.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output.h"
#include "clients/cli/sandbox_options.h"
#include "clients/cli/signal_watch.h"
#include "clients/cli/status_text.h"
#include "clients/cli/window_watch.h"

namespace sluice::cli {
namespace {

struct TerminalOptions {
  bool interactive = false;
  bool terminal = false;
};

struct RunOptions {
  SandboxOptions sandbox;
  TerminalOptions terminal;
  bool keep = false;
};

struct ExecOptions {
  std::string sandbox;
  ProcessOptions process;
  TerminalOptions terminal;
};

// What a person who asks for a terminal alone wants to see in it.
constexpr char kShell[] = "sh";

// The guest's terminal is of our own kind.
void AskForTerminal(v1::ExecStart& start) {
  *start.mutable_terminal() = WindowWatch::Size();
  const char* const kind = std::getenv("TERM");
  if (kind != nullptr && *kind != '\0') start.mutable_env()->insert({"TERM", kind});
}

// Our own, so that the sandbox can be deleted though the answer that would
// have named it never came.
std::string MadeUpId() {
  constexpr absl::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  constexpr int kLength = 10;
  std::random_device random;
  std::string id = "run-";
  for (int i = 0; i < kLength; ++i) id.push_back(kDigits[random() % kDigits.size()]);
  return id;
}

absl::StatusOr<v1::ExecStart> MakeStart(const Cli& cli, const ProcessOptions& process,
                                        const TerminalOptions& terminal, const std::string& sandbox) {
  if (cli.command.empty() && !terminal.terminal)
    return absl::InvalidArgumentError("no command: put it after --, as in `... -- curl URL`");
  v1::ExecStart start;
  start.set_sandbox_id(sandbox);
  start.mutable_args()->Assign(cli.command.begin(), cli.command.end());
  if (cli.command.empty()) start.add_args(kShell);
  start.set_user(process.user);
  start.set_working_directory(process.working_directory);
  const absl::Status status = FillMap("--env", process.env, *start.mutable_env());
  if (!status.ok()) return status;
  if (terminal.terminal) AskForTerminal(start);
  return start;
}

// Watches what a program at a terminal has to be told of. Before any thread.
std::optional<WindowWatch> WatchWindow(const TerminalOptions& options) {
  if (!options.terminal) return std::nullopt;
  return std::make_optional<WindowWatch>();
}

// The exit code that tells how the program ended.
int ExecExitCode(Client& client, const v1::ExecStart& start, SignalWatch& signals,
                 const std::optional<WindowWatch>& window) {
  const ExecOutcome outcome = Exec(client, start, signals, window ? &*window : nullptr);
  if (outcome.exit && outcome.exit->signal() != 0) return kSignalBase + outcome.exit->signal();
  if (outcome.exit) return outcome.exit->code();
  if (outcome.cancelled_by != 0) return kSignalBase + outcome.cancelled_by;
  const std::string doing = absl::StrCat("cannot run ", start.args(0), " in ", start.sandbox_id());
  if (outcome.status.ok()) {
    PrintNotice(absl::StrCat(doing, ": the server ended the call before the program ended"));
    return kOwnFailure;
  }
  client.Fail(doing, outcome.status);
  if (ResourceType(outcome.status) != "program") return kOwnFailure;
  return outcome.status.error_code() == grpc::StatusCode::NOT_FOUND ? kNoProgram : kNotAProgram;
}

void DeleteRunSandbox(Client& client, const std::string& id) {
  v1::DeleteSandboxRequest request;
  request.set_sandbox_id(id);
  v1::DeleteSandboxResponse response;
  const grpc::Status status =
      client.Call(&v1::SandboxService::Stub::DeleteSandbox, request, &response, kSlowCallTimeout);
  if (status.ok() || status.error_code() == grpc::StatusCode::NOT_FOUND) return;
  client.Fail(absl::StrCat("cannot delete ", id, ", which may still run"), status);
}

// True where the server may have made the sandbox though the call failed.
bool MayExist(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::CANCELLED;
}

// A signal while the sandbox is being made waits for that to end: half-made,
// it could not be deleted for sure.
int RunSandbox(const Cli& cli, const RunOptions& options) {
  absl::StatusOr<v1::Sandbox> sandbox = MakeSandbox(options.sandbox);
  if (!sandbox.ok()) return UsageError(sandbox.status().message());
  const bool named = !sandbox->id().empty();
  if (!named) sandbox->set_id(MadeUpId());
  const std::string id = sandbox->id();
  const absl::StatusOr<v1::ExecStart> start = MakeStart(cli, options.sandbox.process, options.terminal, id);
  if (!start.ok()) return UsageError(start.status().message());

  const std::optional<WindowWatch> window = WatchWindow(options.terminal);
  SignalWatch signals;
  Client client(cli.server);
  v1::CreateSandboxRequest request;
  *request.mutable_sandbox() = *std::move(sandbox);
  v1::CreateSandboxResponse response;
  const grpc::Status created = client.CreateSandbox(request, &response);
  if (!created.ok()) {
    const int failure = client.Fail("cannot create the sandbox", created);
    if (failure != kUnreachable && MayExist(created) && !named) DeleteRunSandbox(client, id);
    return kOwnFailure;
  }
  const int interrupted = signals.caught();
  const int code = interrupted != 0 ? kSignalBase + interrupted : ExecExitCode(client, *start, signals, window);
  if (options.keep) {
    PrintNotice(absl::StrCat(id, " is kept: `sluice delete ", id, "` removes it"));
  } else {
    DeleteRunSandbox(client, id);
  }
  return code;
}

int ExecInSandbox(const Cli& cli, const ExecOptions& options) {
  const absl::StatusOr<v1::ExecStart> start = MakeStart(cli, options.process, options.terminal, options.sandbox);
  if (!start.ok()) return UsageError(start.status().message());
  const std::optional<WindowWatch> window = WatchWindow(options.terminal);
  SignalWatch signals;
  Client client(cli.server);
  return ExecExitCode(client, *start, signals, window);
}

void AddTerminalOptions(CLI::App* app, TerminalOptions& options) {
  app->add_flag("-i,--interactive", options.interactive, "Pass on standard input; it always is");
  app->add_flag("-t,--tty", options.terminal, "Give the command a terminal; without a command, a shell");
}

void AddRun(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand("run", "Run a command in a sandbox made for it");
  AddSandboxOptions(run, options->sandbox);
  AddTerminalOptions(run, options->terminal);
  run->add_flag("--keep", options->keep, "Leave the sandbox when the command has ended");
  run->footer(
      "Rules are tried in the order in which they stand. PEER is any, a group (public,\n"
      "host, metadata, loopback, private, link_local, multicast, reserved), 10.0.0.0/8,\n"
      "[2001:db8::/32], example.com or *.example.com; PORT 443, 8000-8100 or 80,443.\n\n"
      "Exits with the command's own code, 128 plus the signal that ended it, 127 where\n"
      "the guest has no such program, 126 where its user may not run it, and 125 where\n"
      "Sluice itself failed.\n\n"
      "Examples:\n"
      "  sluice run -- curl -sI https://example.com\n"
      "  sluice run -it\n"
      "  sluice run --policy allowlist --allow '*.pypi.org:443' -- pip download six\n"
      "  sluice run --deny '*.tracking.com' --allow 10.0.0.5:5432/tcp -- ./agent\n"
      "  sluice run -p 8080:80 --rootfs ./root -e MODE=test -w /srv -- ./server\n"
      "  sluice run --policy none -- python3 untrusted.py < input\n");
  TakeCommand(run, cli);
  SetAction(run, cli, options, &RunSandbox);
}

void AddExec(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* exec = app.add_subcommand("exec", "Run a command in a sandbox that exists");
  exec->add_option("SANDBOX", options->sandbox, "Its id")->required();
  AddProcessOptions(exec, options->process);
  AddTerminalOptions(exec, options->terminal);
  exec->footer(
      "Exits with the command's own code, 128 plus the signal that ended it, 127 where\n"
      "the guest has no such program, 126 where its user may not run it, and 125 where\n"
      "Sluice itself failed.\n\n"
      "Examples:\n"
      "  sluice exec -it web\n"
      "  sluice exec -it web -- vi /etc/hosts\n"
      "  sluice exec web -- cat /etc/resolv.conf\n"
      "  sluice exec web -e LANG=C -w /srv -- ./check --all\n");
  TakeCommand(exec, cli);
  SetAction(exec, cli, options, &ExecInSandbox);
}

}  // namespace

void AddRunCommands(CLI::App& app, Cli& cli) {
  AddRun(app, cli);
  AddExec(app, cli);
}

}  // namespace sluice::cli
