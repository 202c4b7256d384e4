#include "netsvc/base/decimal.h"

#include "absl/strings/numbers.h"

namespace sluice {

std::optional<uint32_t> ParseDecimal(absl::string_view text) {
  if (text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  uint32_t value;
  if (!absl::SimpleAtoi(text, &value)) return std::nullopt;
  return value;
}

}  // namespace sluice
