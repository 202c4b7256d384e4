#ifndef SLUICE_NETSVC_BASE_QUOTE_H_
#define SLUICE_NETSVC_BASE_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace sluice {

// What a caller wrote, in quotes, for an error about it: C escapes for what is not
// printable ASCII, and of a long text the first 100 bytes.
std::string Quote(absl::string_view text);

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_QUOTE_H_
