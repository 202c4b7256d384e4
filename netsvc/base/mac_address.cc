#include "netsvc/base/mac_address.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace sluice {

std::optional<MacAddress> MacAddress::Parse(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  MacAddress mac;
  if (parts.size() != mac.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < parts.size(); ++i) {
    uint32_t byte;
    if (parts[i].size() != 2 || !absl::SimpleHexAtoi(parts[i], &byte) || byte > 0xff) return std::nullopt;
    mac.bytes[i] = static_cast<uint8_t>(byte);
  }
  return mac;
}

std::string MacAddress::ToString() const {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                         bytes[5]);
}

}  // namespace sluice
