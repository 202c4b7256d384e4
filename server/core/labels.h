#ifndef SLUICE_SERVER_CORE_LABELS_H_
#define SLUICE_SERVER_CORE_LABELS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/map.h"

namespace sluice {

using Labels = google::protobuf::Map<std::string, std::string>;

inline constexpr size_t kMaxLabels = 64;
inline constexpr size_t kMaxLabelSize = 63;  // bytes of a key, and of a value

// FieldError about `field` where there are too many, a key is not
// [a-zA-Z0-9]([a-zA-Z0-9._/-]{0,61}[a-zA-Z0-9])?, or a value is too long or not
// printable ASCII. An empty value is fine.
absl::Status CheckLabels(absl::string_view field, const Labels& labels);

// Does `labels` bear everything that `selector` asks for? An empty selector
// selects all.
bool LabelsMatch(const Labels& labels, const Labels& selector);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_LABELS_H_
