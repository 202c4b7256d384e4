#ifndef SLUICE_CLIENTS_CLI_COMPLETION_COMMANDS_H_
#define SLUICE_CLIENTS_CLI_COMPLETION_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// completion, and what its scripts call. Both outlive the parsing and the action.
void AddCompletionCommands(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_COMPLETION_COMMANDS_H_
