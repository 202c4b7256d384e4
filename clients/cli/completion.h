#ifndef SLUICE_CLIENTS_CLI_COMPLETION_H_
#define SLUICE_CLIENTS_CLI_COMPLETION_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sluice::cli {

// What may stand in a command line, and what it means.
struct Candidate {
  std::string text;
  std::string description;  // one line; may be empty

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// The ids of a server's sandboxes: "" is the one that is talked to otherwise.
using SandboxLister = std::function<std::vector<std::string>(const std::string& server)>;

// What the last word of `words` may become: subcommands, options, words that an
// option takes, sandboxes. Empty where that is the shell's to know: a file, or the
// guest's command.
std::vector<Candidate> Complete(const CLI::App& app, const std::vector<std::string>& words,
                                const SandboxLister& sandboxes);

// The script that has a shell ask `sluice __complete`; empty for one that is not
// known.
absl::string_view CompletionScript(absl::string_view shell);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_COMPLETION_H_
