#include "netsvc/base/quote.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

constexpr size_t kMaxQuoted = 100;

}  // namespace

std::string Quote(absl::string_view text) {
  const bool is_long = text.size() > kMaxQuoted;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxQuoted)), is_long ? "..." : "", "\"");
}

}  // namespace sluice
