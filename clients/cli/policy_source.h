#ifndef SLUICE_CLIENTS_CLI_POLICY_SOURCE_H_
#define SLUICE_CLIENTS_CLI_POLICY_SOURCE_H_

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::cli {

// A policy on the command line: options, or a file.
struct PolicySource {
  v1::NetworkPolicy options;
  std::string file;

  bool given() const { return !file.empty() || options.ByteSizeLong() > 0; }
  // From the file or from the options; InvalidArgument where both are there, or
  // where the options name no preset.
  absl::StatusOr<v1::NetworkPolicy> Read() const;
};

// Adds AddPolicyOptions' and -f. `source` outlives the parsing.
void AddPolicySource(CLI::App* app, PolicySource& source);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_POLICY_SOURCE_H_
