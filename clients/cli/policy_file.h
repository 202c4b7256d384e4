#ifndef SLUICE_CLIENTS_CLI_POLICY_FILE_H_
#define SLUICE_CLIENTS_CLI_POLICY_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::cli {

// 65,536 rules of 500 bytes each, about.
inline constexpr size_t kMaxPolicyFileSize = size_t{32} << 20;

// A NetworkPolicy from a file: proto JSON, or the same in YAML where the name
// ends in .yaml or .yml; "-" is standard input, JSON. InvalidArgument names
// the field that is wrong, NotFound and the like the file.
absl::StatusOr<v1::NetworkPolicy> ReadPolicyFile(const std::string& path);

// Unknown fields are errors: a misspelt "rules" must not mean "no rules".
absl::StatusOr<v1::NetworkPolicy> ParsePolicyJson(absl::string_view json);
absl::StatusOr<v1::NetworkPolicy> ParsePolicyYaml(const std::string& yaml);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_POLICY_FILE_H_
