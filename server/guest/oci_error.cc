#include "server/guest/oci_error.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

using nlohmann::json;

// The texts of its errors; empty where there is none.
std::string Errors(absl::string_view log) {
  std::vector<std::string> errors;
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    const json entry = json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!entry.is_object() || !entry.contains("msg") || !entry["msg"].is_string()) continue;
    if (entry.value("level", json()) == json("error")) errors.push_back(entry["msg"]);
  }
  return absl::StrJoin(errors, "; ");
}

// In any case.
bool HasAny(const std::string& text, std::initializer_list<absl::string_view> parts) {
  const std::string lower = absl::AsciiStrToLower(text);
  for (const absl::string_view part : parts) {
    if (absl::StrContains(lower, part)) return true;
  }
  return false;
}

}  // namespace

absl::Status ExplainRuntimeError(absl::string_view log, absl::string_view program) {
  const std::string error = Errors(log);
  if (error.empty()) return absl::InternalError("the OCI runtime failed without saying why");
  if (HasAny(error, {"stopped container", "container does not exist", "container not running", "is not running",
                     "no such process", "/status`: no such file"})) {
    return absl::FailedPreconditionError("the guest has ended");
  }
  if (HasAny(error, {"chdir to cwd", "chdir `", "mkdir cwd", "cwd must be", "cwd property", "container init: mkdir ",
                     "initial working directory"})) {
    return FieldError("working_directory", "is not a directory of the guest that this user may enter");
  }
  const bool about_program = HasAny(error, {"exec: ", "exec /", "executable", "failed to load "});
  if (about_program && HasAny(error, {"not found", "no such file or directory", "not a directory"})) {
    return absl::NotFoundError(absl::StrCat("there is no program ", program, " in the guest"));
  }
  if (HasAny(error, {"argument list too long"})) {
    return FieldError("args", "are, with the environment, longer than the system takes");
  }
  if (about_program && HasAny(error, {"permission denied", "is a directory", "operation not permitted"})) {
    return absl::PermissionDeniedError(absl::StrCat(program, " is not a program that this user may run"));
  }
  if (about_program && HasAny(error, {"exec format error"})) {
    return absl::FailedPreconditionError(absl::StrCat(program, " is not a program that this machine can run"));
  }
  if (HasAny(error, {"oom-killed", "resource temporarily unavailable", "cannot allocate memory"})) {
    return absl::ResourceExhaustedError("no memory, or no process, is left for it");
  }
  return absl::InternalError(absl::StrCat("the OCI runtime failed: ", error));
}

}  // namespace sluice
