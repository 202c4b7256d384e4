#ifndef SLUICE_CLIENTS_CLI_RETENTION_OPTIONS_H_
#define SLUICE_CLIENTS_CLI_RETENTION_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::cli {

// How much of a sandbox's audit log is kept, as `run`, `create` and `update` say it; a
// value. What is not given is not touched; 0 stands for as much as the server keeps.
struct RetentionOptions {
  std::optional<uint64_t> max_bytes;
  std::optional<std::string> max_age;  // a duration such as 10m

  bool given() const { return max_bytes || max_age; }
  // InvalidArgument in words.
  absl::Status Fill(v1::AuditConfig& audit) const;
};

// `options` outlives the parsing.
void AddRetentionOptions(CLI::App* app, RetentionOptions& options);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_RETENTION_OPTIONS_H_
