#ifndef SLUICE_CLIENTS_CLI_PORT_COMMANDS_H_
#define SLUICE_CLIENTS_CLI_PORT_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// publish and unpublish.
void AddPortCommands(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_PORT_COMMANDS_H_
