#ifndef SLUICE_CLIENTS_CLI_AUDIT_COMMANDS_H_
#define SLUICE_CLIENTS_CLI_AUDIT_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// audit.
void AddAuditCommands(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_AUDIT_COMMANDS_H_
