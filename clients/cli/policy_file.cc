#include "clients/cli/policy_file.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "protos/text/yaml_message.h"

namespace sluice::cli {

absl::StatusOr<v1::NetworkPolicy> ReadPolicyFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path == "-" ? "/dev/stdin" : path, kMaxPolicyFileSize);
  if (!text.ok()) return text.status();
  v1::NetworkPolicy policy;
  const absl::Status status = ParseYaml(*text, policy);
  if (status.ok()) return policy;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
}

}  // namespace sluice::cli
