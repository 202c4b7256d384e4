#include "clients/cli/policy_source.h"

#include "absl/status/status.h"
#include "clients/cli/policy_file.h"
#include "clients/cli/policy_options.h"

namespace sluice::cli {

absl::StatusOr<v1::NetworkPolicy> PolicySource::Read() const {
  if (file.empty()) {
    if (options.preset() != v1::PRESET_UNSPECIFIED) return options;
    return absl::InvalidArgumentError("a policy is whole: --policy PRESET or -f FILE is needed");
  }
  if (options.ByteSizeLong() == 0) return ReadPolicyFile(file);
  return absl::InvalidArgumentError("-f is a whole policy: leave out --policy, --allow, --deny and --drop");
}

void AddPolicySource(CLI::App* app, PolicySource& source) {
  AddPolicyOptions(app, source.options);
  app->add_option("-f,--file", source.file, "A whole policy, YAML or JSON; - is standard input")->type_name("FILE");
}

}  // namespace sluice::cli
