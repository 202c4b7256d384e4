#ifndef SLUICE_CLIENTS_CLI_SANDBOX_OPTIONS_H_
#define SLUICE_CLIENTS_CLI_SANDBOX_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cli/retention_options.h"
#include "google/protobuf/map.h"
#include "sluice/v1/policy.pb.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::cli {

// How a program is run: the same for run, exec and create.
struct ProcessOptions {
  std::vector<std::string> env;  // K=V
  std::string user;
  std::string working_directory;
};

// What `sluice run` and `sluice create` say of a new sandbox.
struct SandboxOptions {
  std::string name;
  std::vector<std::string> labels;  // K=V
  std::vector<std::string> ports;   // [ADDR:]HOST:GUEST[/udp]
  std::vector<std::string> block_lists;
  std::string rootfs;
  // 0: the server's default.
  uint64_t memory_bytes = 0;
  double cpus = 0;
  uint32_t max_processes = 0;
  uint32_t mtu = 0;
  RetentionOptions retention;
  ProcessOptions process;
  v1::NetworkPolicy policy;
};

// Takes numbers above 0, and says so in words.
CLI::Validator AboveZero();

void AddProcessOptions(CLI::App* app, ProcessOptions& options);
// With those of the process and the policy. `options` outlives the parsing.
void AddSandboxOptions(CLI::App* app, SandboxOptions& options);

// Splits "K=V" into `map`. InvalidArgument for a text without '='.
absl::Status FillMap(absl::string_view option, const std::vector<std::string>& texts,
                     google::protobuf::Map<std::string, std::string>& map);

// The sandbox to be created, with an OCI guest. InvalidArgument in words.
absl::StatusOr<v1::Sandbox> MakeSandbox(const SandboxOptions& options);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_SANDBOX_OPTIONS_H_
