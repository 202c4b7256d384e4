#ifndef SLUICE_CLIENTS_CLI_UPDATE_COMMAND_H_
#define SLUICE_CLIENTS_CLI_UPDATE_COMMAND_H_

#include "clients/cli/cli.h"

namespace sluice::cli {

void AddUpdateCommand(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_UPDATE_COMMAND_H_
