#include "server/core/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "netsvc/base/field_error.h"
#include "server/core/field_checks.h"

namespace sluice {
namespace {

constexpr absl::string_view kVersion = "after:";

}  // namespace

std::string EncodePageToken(absl::string_view last_id) {
  return absl::WebSafeBase64Escape(absl::StrCat(kVersion, last_id));
}

absl::StatusOr<std::string> DecodePageToken(absl::string_view field, absl::string_view token) {
  if (token.empty()) return std::string();
  std::string decoded;
  absl::string_view id;
  if (absl::WebSafeBase64Unescape(token, &decoded)) id = decoded;
  if (!absl::ConsumePrefix(&id, kVersion) || !IsSandboxId(id)) {
    return FieldError(field, "is not a token that an earlier page ended with");
  }
  return std::string(id);
}

}  // namespace sluice
