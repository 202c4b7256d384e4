#include "server/core/port_binder.h"

#include <errno.h>
#include <sys/socket.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

std::string Describe(const v1::PortMapping& port, const Endpoint& endpoint) {
  return absl::StrCat(port.protocol() == v1::PROTOCOL_TCP ? "TCP" : "UDP", " port ", endpoint.ToString());
}

absl::Status BindError(int error, const v1::PortMapping& port, const Endpoint& endpoint) {
  switch (error) {
    case EADDRINUSE:
      return absl::AlreadyExistsError(absl::StrCat(Describe(port, endpoint), " of the host is taken"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(absl::StrCat("the server may not bind ", Describe(port, endpoint)));
    case EADDRNOTAVAIL:
      return FieldError("host_address", absl::StrCat(endpoint.address.ToString(), " is not an address of this host"));
    default:
      return ErrnoError(error, absl::StrCat("bind ", Describe(port, endpoint)));
  }
}

// TCP alone: for UDP it would let two sockets share the port. IPV6_V6ONLY keeps
// [::]:80 and 0.0.0.0:80 two ports.
bool SetOptions(int fd, bool tcp, bool v6) {
  const int on = 1;
  if (tcp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) return false;
  return !v6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
}

std::optional<Endpoint> LocalEndpoint(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return Endpoint::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage));
}

int SocketOption(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

}  // namespace

bool IsBound(const BoundPort& port) {
  const std::optional<IpAddress> address = IpAddress::Parse(port.mapping.host_address());
  const std::optional<Endpoint> bound = LocalEndpoint(port.socket.get());
  const bool tcp = port.mapping.protocol() == v1::PROTOCOL_TCP;
  return address && bound && bound->address == *address && bound->port == port.mapping.host_port() &&
         SocketOption(port.socket.get(), SO_TYPE) == (tcp ? SOCK_STREAM : SOCK_DGRAM) &&
         (!tcp || SocketOption(port.socket.get(), SO_ACCEPTCONN) == 1);
}

absl::StatusOr<BoundPort> BindPort(const v1::PortMapping& port) {
  const std::optional<IpAddress> address = IpAddress::Parse(port.host_address());
  if (!address) return FieldError("host_address", "must be an IPv4 or IPv6 address");
  const Endpoint endpoint{.address = *address, .port = static_cast<uint16_t>(port.host_port())};
  const bool tcp = port.protocol() == v1::PROTOCOL_TCP;
  const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  UniqueFd fd(socket(address->is_v6() ? AF_INET6 : AF_INET, type, 0));
  if (!fd.valid()) return ErrnoError(errno, "socket");
  if (!SetOptions(fd.get(), tcp, address->is_v6())) return ErrnoError(errno, "setsockopt");
  sockaddr_storage storage;
  const socklen_t size = endpoint.ToSockaddr(storage);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
      (tcp && listen(fd.get(), kListenBacklog) != 0)) {
    return BindError(errno, port, endpoint);
  }
  const std::optional<Endpoint> bound = LocalEndpoint(fd.get());
  if (!bound) return ErrnoError(errno, "getsockname");
  BoundPort result{.mapping = port, .socket = std::move(fd)};
  result.mapping.set_host_port(bound->port);
  return result;
}

}  // namespace sluice
