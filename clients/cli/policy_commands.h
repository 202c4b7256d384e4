#ifndef SLUICE_CLIENTS_CLI_POLICY_COMMANDS_H_
#define SLUICE_CLIENTS_CLI_POLICY_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// policy set, policy get and policy check.
void AddPolicyCommands(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_POLICY_COMMANDS_H_
