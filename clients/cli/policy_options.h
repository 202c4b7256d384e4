#ifndef SLUICE_CLIENTS_CLI_POLICY_OPTIONS_H_
#define SLUICE_CLIENTS_CLI_POLICY_OPTIONS_H_

#include <CLI/CLI.hpp>

#include "sluice/v1/policy.pb.h"

namespace sluice::cli {

// Adds --policy (also --preset), --allow, --deny and --drop to `app`, which
// fill in `policy` as they are parsed: its rules stand in the order of the
// command line. `policy` outlives the parsing. A value that is wrong is a
// CLI::ValidationError.
void AddPolicyOptions(CLI::App* app, v1::NetworkPolicy& policy);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_POLICY_OPTIONS_H_
