#include "clients/cli/copy_command.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/copy_in.h"
#include "clients/cli/copy_out.h"
#include "clients/cli/copy_path.h"
#include "clients/cli/copy_report.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output.h"
#include "clients/cli/signal_watch.h"

namespace sluice::cli {
namespace {

struct CopyOptions {
  std::string source;
  std::string target;
};

// -o json alone: to a person, a copy that says nothing went well.
int PrintReport(const CopyReport& report) {
  const int printed = Print(absl::StrCat("{\"files\":", report.files(), ",\"bytes\":", report.bytes(),
                                         ",\"left_out\":", report.skipped(), "}\n"));
  return report.exit_code() != kOk ? report.exit_code() : printed;
}

int Copy(const Cli& cli, const CopyOptions& options) {
  const absl::StatusOr<CopyPath> source = ParseCopyPath(options.source);
  if (!source.ok()) return UsageError(source.status().message());
  const absl::StatusOr<CopyPath> target = ParseCopyPath(options.target);
  if (!target.ok()) return UsageError(target.status().message());
  if (source->IsHere() == target->IsHere()) {
    return UsageError("one side of a copy is here and the other SANDBOX:PATH: see `sluice cp --help`");
  }
  if (cli.json && target->IsStream()) return UsageError("standard output takes the file: leave out -o json");
  SignalWatch signals;
  Client client(cli.server);
  CopyReport report(client, signals);
  FileCalls calls(client, signals, source->IsHere() ? target->sandbox : source->sandbox);
  if (source->IsHere()) {
    CopyIn(calls, source->path, target->path, report);
  } else {
    CopyOut(calls, source->path, target->path, report);
  }
  return cli.json ? PrintReport(report) : report.exit_code();
}

}  // namespace

void AddCopyCommand(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<CopyOptions>();
  CLI::App* copy = app.add_subcommand("cp", "Copy files and directories into a sandbox or out of it");
  copy->add_option("SOURCE", options->source, "A path here, SANDBOX:/PATH, or - for standard input")->required();
  copy->add_option("TARGET", options->target, "The same; - is standard output")->required();
  copy->footer(
      "Into TARGET where that is a directory, else as TARGET. Directories are copied with\n"
      "all that is below them. Permissions are kept. Symbolic links are never followed\n"
      "below SOURCE: out of a sandbox they are made again, into one they are left out.\n"
      "A file appears whole or not at all. In the sandbox this acts as its own user.\n\n"
      "Examples:\n"
      "  sluice cp ./app web:/srv/app\n"
      "  sluice cp web:/var/log/nginx ./logs\n"
      "  sluice cp web:/etc/os-release - | head -1\n"
      "  tar -c . | sluice cp - web:/tmp/all.tar\n");
  SetAction(copy, cli, options, &Copy);
}

}  // namespace sluice::cli
