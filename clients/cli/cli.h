#ifndef SLUICE_CLIENTS_CLI_CLI_H_
#define SLUICE_CLIENTS_CLI_CLI_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clients/cli/credentials.h"

namespace sluice::cli {

// One invocation of `sluice`. Owned by main; each command family registers
// itself with an Add...Commands function, and parsing fills in the rest.
struct Cli {
  // Options that every command has.
  Server server;
  CredentialFiles credentials;  // read into `server` before the action runs
  bool json = false;
  bool yaml = false;  // what a command that writes_yaml prints anyway

  // What follows "--". Empty: nothing, or no "--".
  std::vector<std::string> command;
  bool takes_command = false;
  bool writes_yaml = false;

  // What the parsed command does; returns the exit code.
  std::function<int()> action;
};

// Makes `run(cli, options)` what `subcommand` does. `options` is where its
// CLI11 options store.
template <typename Options>
void SetAction(CLI::App* subcommand, Cli& cli, std::shared_ptr<Options> options,
               int (*run)(const Cli&, const Options&)) {
  subcommand->final_callback(
      [&cli, options, run] { cli.action = [&cli, options, run] { return run(cli, *options); }; });
}

// Lets `subcommand` be followed by "-- COMMAND...", and its help say so.
void TakeCommand(CLI::App* subcommand, Cli& cli);

// An option that may stand several times, with one value each time.
CLI::Option* AddRepeated(CLI::App* app, const std::string& name, std::vector<std::string>& values,
                         const std::string& description);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_CLI_H_
