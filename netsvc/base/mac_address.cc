#include "netsvc/base/mac_address.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sluice {
namespace {

bool IsHexDigit(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }

bool IsHexByte(absl::string_view text) { return text.size() == 2 && IsHexDigit(text[0]) && IsHexDigit(text[1]); }

}  // namespace

std::optional<MacAddress> MacAddress::Parse(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  MacAddress mac;
  if (parts.size() != mac.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!IsHexByte(parts[i])) return std::nullopt;
    mac.bytes[i] = static_cast<uint8_t>(absl::HexStringToBytes(parts[i])[0]);
  }
  return mac;
}

std::string MacAddress::ToString() const {
  return absl::StrJoin(bytes, ":", [](std::string* out, uint8_t byte) {
    absl::StrAppend(out, absl::Hex(byte, absl::kZeroPad2));
  });
}

}  // namespace sluice
