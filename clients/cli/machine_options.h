#ifndef SLUICE_CLIENTS_CLI_MACHINE_OPTIONS_H_
#define SLUICE_CLIENTS_CLI_MACHINE_OPTIONS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::cli {

// The options of `create` for virtual machines: one that the server runs, or
// somebody's behind a socket; a value.
struct MachineOptions {
  std::string kernel;  // empty: not one that the server runs
  std::string initrd;
  std::string disk;
  std::string kernel_arguments;
  std::string framing;  // "stream", "datagram"; empty: none behind a socket
  std::string socket_path;

  bool given() const { return !kernel.empty() || !framing.empty(); }
  // In place of the container that `guest` is; memory and processors, rounded up to
  // whole ones, stay.
  void FillGuest(v1::Guest& guest) const;
};

void AddMachineOptions(CLI::App* create, MachineOptions& options);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_MACHINE_OPTIONS_H_
