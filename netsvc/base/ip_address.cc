#include "netsvc/base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace sluice {

IpAddress IpAddress::V4(const in_addr& addr) { return V4(ntohl(addr.s_addr)); }

IpAddress IpAddress::V6(const in6_addr& addr) { return V6Bytes(std::span<const uint8_t, kV6Size>(addr.s6_addr)); }

IpAddress IpAddress::V4Bytes(std::span<const uint8_t, kV4Size> bytes) {
  IpAddress a;
  std::copy(bytes.begin(), bytes.end(), a.bytes_.begin());
  return a;
}

IpAddress IpAddress::V6Bytes(std::span<const uint8_t, kV6Size> bytes) {
  IpAddress a;
  a.v6_ = true;
  std::copy(bytes.begin(), bytes.end(), a.bytes_.begin());
  return a;
}

std::optional<IpAddress> IpAddress::FromSockaddr(const sockaddr* addr) {
  if (addr->sa_family == AF_INET) return V4(reinterpret_cast<const sockaddr_in*>(addr)->sin_addr);
  if (addr->sa_family == AF_INET6) return V6(reinterpret_cast<const sockaddr_in6*>(addr)->sin6_addr);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::Parse(absl::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != text.npos) return std::nullopt;
  const std::string terminated(text);
  in_addr v4;
  if (inet_pton(AF_INET, terminated.c_str(), &v4) == 1) return V4(v4);
  in6_addr v6;
  if (inet_pton(AF_INET6, terminated.c_str(), &v6) == 1) return V6(v6);
  return std::nullopt;
}

in_addr IpAddress::ToInAddr() const { return {htonl(v4())}; }

in6_addr IpAddress::ToIn6Addr() const {
  in6_addr addr;
  std::memcpy(addr.s6_addr, bytes_.data(), kV6Size);
  return addr;
}

bool IpAddress::IsUnspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t b) { return b == 0; });
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof(text));
  return text;
}

}  // namespace sluice
