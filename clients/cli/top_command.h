#ifndef SLUICE_CLIENTS_CLI_TOP_COMMAND_H_
#define SLUICE_CLIENTS_CLI_TOP_COMMAND_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// top.
void AddTopCommand(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TOP_COMMAND_H_
