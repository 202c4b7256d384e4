#include "clients/cli/completion_commands.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cli/client.h"
#include "clients/cli/completion.h"
#include "clients/cli/credentials.h"
#include "clients/cli/output.h"

namespace sluice::cli {
namespace {

// A person waits for it, with a finger on the key.
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr int kMaxSandboxes = 200;

struct CompletionOptions {
  std::string shell;
};

struct CompleteOptions {
  const CLI::App* app;
};

std::vector<std::string> SandboxesOf(const Server& server) {
  std::vector<std::string> ids;
  if (!CheckServerAddress(server.address).ok()) return ids;
  Client client(server);
  v1::ListSandboxesRequest request;
  request.set_page_size(kMaxSandboxes);
  v1::ListSandboxesResponse response;
  if (!client.Call(&v1::SandboxService::Stub::ListSandboxes, request, &response, kPatience).ok()) return ids;
  for (const v1::Sandbox& sandbox : response.sandboxes()) ids.push_back(sandbox.id());
  return ids;
}

int PrintCandidates(const Cli& cli, const CompleteOptions& options) {
  const auto sandboxes = [&cli](const std::string& address) {
    Server server = cli.server;
    if (!address.empty()) server.address = address;
    return SandboxesOf(server);
  };
  std::string text;
  for (const Candidate& candidate : Complete(*options.app, cli.command, sandboxes)) {
    absl::StrAppend(&text, candidate.text, "\t", candidate.description, "\n");
  }
  return Print(text);
}

int PrintScript(const Cli&, const CompletionOptions& options) { return Print(CompletionScript(options.shell)); }

}  // namespace

void AddCompletionCommands(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<CompletionOptions>();
  CLI::App* completion = app.add_subcommand("completion", "Print a script that has a shell complete sluice's commands");
  completion->add_option("SHELL", options->shell, "bash, zsh or fish")
      ->required()
      ->option_text("bash|zsh|fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(
      "Commands, options and the ids of sandboxes are completed.\n\n"
      "Examples:\n"
      "  source <(sluice completion bash)\n"
      "  sluice completion bash > /etc/bash_completion.d/sluice\n"
      "  sluice completion zsh > ~/.zfunc/_sluice\n"
      "  sluice completion fish > ~/.config/fish/completions/sluice.fish\n");
  SetAction(completion, cli, options, &PrintScript);

  auto complete_options = std::make_shared<CompleteOptions>(CompleteOptions{&app});
  CLI::App* complete = app.add_subcommand("__complete", "What the last of the words after -- may become");
  complete->group("");
  TakeCommand(complete, cli);
  SetAction(complete, cli, complete_options, &PrintCandidates);
}

}  // namespace sluice::cli
