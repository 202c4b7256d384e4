#ifndef SLUICE_SERVER_CORE_FIELD_CHECKS_H_
#define SLUICE_SERVER_CORE_FIELD_CHECKS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What the checks of several requests have in common. Each takes the field's
// path as the API writes it and answers with a FieldError about it.

namespace sluice {

inline constexpr size_t kMaxPath = 4095;      // bytes: PATH_MAX less its NUL
inline constexpr size_t kMaxRequestId = 128;  // bytes

// [a-z]([a-z0-9-]{0,61}[a-z0-9])?
bool IsSandboxId(absl::string_view id);

// A sandbox that must be named.
absl::Status CheckSandboxId(absl::string_view field, absl::string_view id);

// Empty, or at most kMaxRequestId printable characters.
absl::Status CheckRequestId(absl::string_view field, absl::string_view request_id);

// Absolute, at most kMaxPath bytes, no NUL. Whether it exists is another
// question.
absl::Status CheckAbsolutePath(absl::string_view field, absl::string_view path);

// For what the API has and this server does not enforce: refused, so that
// nobody relies on it.
absl::Status NotEnforced(absl::string_view field);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_FIELD_CHECKS_H_
