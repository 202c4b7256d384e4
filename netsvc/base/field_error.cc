#include "netsvc/base/field_error.h"

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

constexpr absl::string_view kFieldUrl = "sluice/field";

}  // namespace

absl::Status FieldError(absl::string_view field, absl::string_view problem) {
  absl::Status status = absl::InvalidArgumentError(problem);
  status.SetPayload(kFieldUrl, absl::Cord(field));
  return status;
}

std::optional<std::string> FieldOf(const absl::Status& status) {
  const absl::optional<absl::Cord> field = status.GetPayload(kFieldUrl);
  if (!field) return std::nullopt;
  return std::string(*field);
}

absl::Status InField(absl::string_view prefix, const absl::Status& status) {
  const std::optional<std::string> field = FieldOf(status);
  if (!field) return status;
  return FieldError(absl::StrCat(prefix, ".", *field), status.message());
}

}  // namespace sluice
