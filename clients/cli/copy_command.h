#ifndef SLUICE_CLIENTS_CLI_COPY_COMMAND_H_
#define SLUICE_CLIENTS_CLI_COPY_COMMAND_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// cp. Both outlive the parsing.
void AddCopyCommand(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_COPY_COMMAND_H_
