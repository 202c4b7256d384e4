#include "server/core/labels.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

bool IsKey(absl::string_view key) {
  if (key.empty() || key.size() > kMaxLabelSize) return false;
  if (!absl::ascii_isalnum(key.front()) || !absl::ascii_isalnum(key.back())) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '/' || c == '-';
  });
}

bool IsValue(absl::string_view value) {
  return value.size() <= kMaxLabelSize && std::all_of(value.begin(), value.end(), absl::ascii_isprint);
}

}  // namespace

absl::Status CheckLabels(absl::string_view field, const Labels& labels) {
  if (labels.size() > kMaxLabels) return FieldError(field, absl::StrCat("has more than ", kMaxLabels, " labels"));
  for (const auto& [key, value] : labels) {
    if (!IsKey(key)) {
      return FieldError(field, absl::StrCat("has a key that is not 1 to ", kMaxLabelSize,
                                            " letters, digits and ._/- with a letter or digit at both ends"));
    }
    if (!IsValue(value)) {
      return FieldError(field, absl::StrCat("has a value at key '", key, "' that is not at most ", kMaxLabelSize,
                                            " characters of printable ASCII"));
    }
  }
  return absl::OkStatus();
}

bool LabelsMatch(const Labels& labels, const Labels& selector) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

}  // namespace sluice
