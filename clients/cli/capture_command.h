#ifndef SLUICE_CLIENTS_CLI_CAPTURE_COMMAND_H_
#define SLUICE_CLIENTS_CLI_CAPTURE_COMMAND_H_

#include <CLI/CLI.hpp>

#include "clients/cli/cli.h"

namespace sluice::cli {

// capture.
void AddCaptureCommand(CLI::App& app, Cli& cli);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_CAPTURE_COMMAND_H_
