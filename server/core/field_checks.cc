#include "server/core/field_checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

constexpr size_t kMaxSandboxId = 63;

bool IsLowerAlnum(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

}  // namespace

bool IsSandboxId(absl::string_view id) {
  if (id.empty() || id.size() > kMaxSandboxId) return false;
  if (!absl::ascii_islower(id.front()) || !IsLowerAlnum(id.back())) return false;
  return std::all_of(id.begin(), id.end(), [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

absl::Status CheckSandboxId(absl::string_view field, absl::string_view id) {
  if (id.empty()) return FieldError(field, "is required");
  if (IsSandboxId(id)) return absl::OkStatus();
  return FieldError(field, absl::StrCat("must be 1 to ", kMaxSandboxId,
                                        " lower-case letters, digits and '-', starting with a letter and not ending "
                                        "with '-'"));
}

absl::Status CheckRequestId(absl::string_view field, absl::string_view request_id) {
  if (request_id.size() > kMaxRequestId || !std::all_of(request_id.begin(), request_id.end(), absl::ascii_isprint)) {
    return FieldError(field, absl::StrCat("must be at most ", kMaxRequestId, " characters of printable ASCII"));
  }
  return absl::OkStatus();
}

absl::Status CheckAbsolutePath(absl::string_view field, absl::string_view path) {
  if (path.empty() || path.front() != '/') return FieldError(field, "must be an absolute path");
  if (path.size() > kMaxPath) return FieldError(field, absl::StrCat("is longer than ", kMaxPath, " bytes"));
  if (absl::StrContains(path, '\0')) return FieldError(field, "has a NUL in it");
  return absl::OkStatus();
}

absl::Status NotEnforced(absl::string_view field) {
  return FieldError(field, "is not enforced by this version; leave it unset");
}

}  // namespace sluice
