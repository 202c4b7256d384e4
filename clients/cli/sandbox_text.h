#ifndef SLUICE_CLIENTS_CLI_SANDBOX_TEXT_H_
#define SLUICE_CLIENTS_CLI_SANDBOX_TEXT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::cli {

// One line a sandbox under a header; ages are counted up to `now`.
std::string SandboxTable(const std::vector<v1::Sandbox>& sandboxes, absl::Time now);

// Everything a person asks of one sandbox, a property a line.
std::string SandboxDetails(const v1::Sandbox& sandbox, absl::Time now);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_SANDBOX_TEXT_H_
