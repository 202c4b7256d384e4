#ifndef SLUICE_SERVER_CORE_PAGE_TOKEN_H_
#define SLUICE_SERVER_CORE_PAGE_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// Where a list goes on, as text that callers do not read into. It names the
// last sandbox of the page before, so that sandboxes which come and go between
// two pages neither repeat nor hide the others.
std::string EncodePageToken(absl::string_view last_id);

// The id that EncodePageToken put in; "" for "". FieldError about `field` for
// anything else.
absl::StatusOr<std::string> DecodePageToken(absl::string_view field, absl::string_view token);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_PAGE_TOKEN_H_
