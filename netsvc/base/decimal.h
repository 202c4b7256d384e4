#ifndef SLUICE_NETSVC_BASE_DECIMAL_H_
#define SLUICE_NETSVC_BASE_DECIMAL_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace sluice {

// An unsigned number written in digits alone: no sign, no spaces, unlike
// absl::SimpleAtoi. Nothing where it is not, or does not fit.
std::optional<uint32_t> ParseDecimal(absl::string_view text);

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_DECIMAL_H_
