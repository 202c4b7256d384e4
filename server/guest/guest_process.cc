#include "server/guest/guest_process.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

bool HasNul(absl::string_view text) { return absl::StrContains(text, '\0'); }

}  // namespace

absl::Status CheckExecOptions(const ExecOptions& options) {
  if (options.args.empty() || options.args.front().empty()) return FieldError("args", "must name a program");
  for (const std::string& arg : options.args) {
    if (HasNul(arg)) return FieldError("args", "has a NUL in it");
  }
  for (const auto& [name, value] : options.env) {
    if (name.empty() || absl::StrContains(name, '=')) {
      return FieldError("env", "has a name that is empty or has a '=' in it");
    }
    if (HasNul(name) || HasNul(value)) return FieldError("env", "has a NUL in it");
  }
  const std::string& directory = options.working_directory;
  if (!directory.empty() && (directory.front() != '/' || HasNul(directory))) {
    return FieldError("working_directory", "must be an absolute path");
  }
  return absl::OkStatus();
}

}  // namespace sluice
