#ifndef SLUICE_CLIENTS_CLI_POLICY_FILE_H_
#define SLUICE_CLIENTS_CLI_POLICY_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::cli {

// 65,536 rules of 500 bytes each, about.
inline constexpr size_t kMaxPolicyFileSize = size_t{32} << 20;

// A NetworkPolicy from a file of its own shape, YAML or JSON; "-" is standard
// input. InvalidArgument names the file and the line that is wrong, NotFound
// and the like the file.
absl::StatusOr<v1::NetworkPolicy> ReadPolicyFile(const std::string& path);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_POLICY_FILE_H_
