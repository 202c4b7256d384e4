#ifndef SLUICE_NETSVC_BASE_FIELD_ERROR_H_
#define SLUICE_NETSVC_BASE_FIELD_ERROR_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sluice {

// InvalidArgument about one field of a request. `field` is its path in the
// request as the API writes it ("policy.rules[3].peers[0].cidr"); it travels
// with the status and becomes a google.rpc.BadRequest at the API.
absl::Status FieldError(absl::string_view field, absl::string_view problem);

// The path that FieldError put in; nothing for any other status.
std::optional<std::string> FieldOf(const absl::Status& status);

// The same error for a field that lies inside `prefix`: "cidr" under "peers[0]"
// becomes "peers[0].cidr". A status without a field is returned as it is.
absl::Status InField(absl::string_view prefix, const absl::Status& status);

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_FIELD_ERROR_H_
