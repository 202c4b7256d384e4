#ifndef SLUICE_NETSVC_BASE_ENDPOINT_H_
#define SLUICE_NETSVC_BASE_ENDPOINT_H_

#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "netsvc/base/ip_address.h"

namespace sluice {

// An address and a TCP or UDP port (for ICMP echo, the identifier); a value.
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // "1.2.3.4:80" or "[::1]:80". The port is required.
  static std::optional<Endpoint> Parse(absl::string_view text);
  static std::optional<Endpoint> FromSockaddr(const sockaddr* addr);
  // Fills `storage` and returns the length to pass with it.
  socklen_t ToSockaddr(sockaddr_storage& storage) const;
  std::string ToString() const;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const Endpoint& e) {
    return H::combine(std::move(h), e.address, e.port);
  }
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_ENDPOINT_H_
