#ifndef SLUICE_NETSVC_BASE_MAC_ADDRESS_H_
#define SLUICE_NETSVC_BASE_MAC_ADDRESS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sluice {

// An Ethernet address; a value.
struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  // "02:73:6c:00:00:0f", in either case.
  static std::optional<MacAddress> Parse(absl::string_view text);
  // The group bit: broadcast and multicast.
  bool is_group() const { return (bytes[0] & 1) != 0; }
  std::string ToString() const;

  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_MAC_ADDRESS_H_
