#ifndef SLUICE_CLIENTS_CLI_POLICY_CHECK_H_
#define SLUICE_CLIENTS_CLI_POLICY_CHECK_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// policy check, below `policy`.
void AddPolicyCheck(CLI::App& policy, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_POLICY_CHECK_H_
