#ifndef SLUICE_NETSVC_BASE_IP_ADDRESS_H_
#define SLUICE_NETSVC_BASE_IP_ADDRESS_H_

#include <netinet/in.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace sluice {

// An IPv4 or IPv6 address; a value. Default: 0.0.0.0. An IPv6 address never
// equals an IPv4 one, whatever it carries.
class IpAddress {
 public:
  static constexpr size_t kV4Size = 4;
  static constexpr size_t kV6Size = 16;

  constexpr IpAddress() = default;

  // From host order: V4(0x7f000001) is 127.0.0.1.
  static constexpr IpAddress V4(uint32_t host_order) {
    IpAddress a;
    for (int i = 0; i < 4; ++i) a.bytes_[i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
    return a;
  }
  static IpAddress V4(const in_addr& addr);
  static IpAddress V6(const in6_addr& addr);
  // From network order, as it stands in a packet.
  static IpAddress V4Bytes(std::span<const uint8_t, kV4Size> bytes);
  static IpAddress V6Bytes(std::span<const uint8_t, kV6Size> bytes);
  // The address of a sockaddr_in or sockaddr_in6; nothing for other families.
  static std::optional<IpAddress> FromSockaddr(const sockaddr* addr);
  // Dotted quad or RFC 4291 text, without a zone.
  static std::optional<IpAddress> Parse(absl::string_view text);

  constexpr bool is_v4() const { return !v6_; }
  constexpr bool is_v6() const { return v6_; }
  constexpr int bits() const { return v6_ ? 128 : 32; }
  // Host order. is_v4() only.
  constexpr uint32_t v4() const {
    return uint32_t{bytes_[0]} << 24 | uint32_t{bytes_[1]} << 16 | uint32_t{bytes_[2]} << 8 | bytes_[3];
  }
  // Network order: 4 or 16 bytes.
  std::span<const uint8_t> bytes() const { return {bytes_.data(), v6_ ? kV6Size : kV4Size}; }
  in_addr ToInAddr() const;   // is_v4() only
  in6_addr ToIn6Addr() const;  // is_v6() only
  bool IsUnspecified() const;

  // RFC 5952 for IPv6.
  std::string ToString() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(H::combine_contiguous(std::move(h), a.bytes_.data(), a.bytes_.size()), a.v6_);
  }

 private:
  bool v6_ = false;
  std::array<uint8_t, kV6Size> bytes_{};
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_IP_ADDRESS_H_
