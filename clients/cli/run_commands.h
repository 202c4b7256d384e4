#ifndef SLUICE_CLIENTS_CLI_RUN_COMMANDS_H_
#define SLUICE_CLIENTS_CLI_RUN_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// run and exec.
void AddRunCommands(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_RUN_COMMANDS_H_
