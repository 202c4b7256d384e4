#include "netsvc/base/endpoint.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "netsvc/base/decimal.h"

namespace sluice {

std::optional<Endpoint> Endpoint::Parse(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  const std::optional<IpAddress> address = IpAddress::Parse(host);
  const std::optional<uint32_t> port = ParseDecimal(text.substr(colon + 1));
  if (!address || address->is_v6() != bracketed || !port || *port > 0xffff) return std::nullopt;
  return Endpoint{*address, static_cast<uint16_t>(*port)};
}

std::optional<Endpoint> Endpoint::FromSockaddr(const sockaddr* addr) {
  const std::optional<IpAddress> address = IpAddress::FromSockaddr(addr);
  if (!address) return std::nullopt;
  const in_port_t port = address->is_v4() ? reinterpret_cast<const sockaddr_in*>(addr)->sin_port
                                          : reinterpret_cast<const sockaddr_in6*>(addr)->sin6_port;
  return Endpoint{*address, ntohs(port)};
}

socklen_t Endpoint::ToSockaddr(sockaddr_storage& storage) const {
  std::memset(&storage, 0, sizeof(storage));
  if (address.is_v4()) {
    auto& in = reinterpret_cast<sockaddr_in&>(storage);
    in.sin_family = AF_INET;
    in.sin_addr = address.ToInAddr();
    in.sin_port = htons(port);
    return sizeof(in);
  }
  auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
  in6.sin6_family = AF_INET6;
  in6.sin6_addr = address.ToIn6Addr();
  in6.sin6_port = htons(port);
  return sizeof(in6);
}

std::string Endpoint::ToString() const {
  if (address.is_v4()) return absl::StrCat(address.ToString(), ":", port);
  return absl::StrCat("[", address.ToString(), "]:", port);
}

}  // namespace sluice
