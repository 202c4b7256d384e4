#include "netsvc/worker/path_mtu.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

std::optional<uint16_t> PathMtu(const IpAddress& remote) {
  const bool v6 = remote.is_v6();
  const UniqueFd probe(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe.valid()) return std::nullopt;
  constexpr uint16_t kAnyPort = 9;  // connect() asks the routing table alone
  sockaddr_storage address;
  const socklen_t address_size = Endpoint{remote, kAnyPort}.ToSockaddr(address);
  if (connect(probe.get(), reinterpret_cast<sockaddr*>(&address), address_size) < 0) return std::nullopt;
  int mtu = 0;
  socklen_t size = sizeof(mtu);
  const int level = v6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP};
  if (getsockopt(probe.get(), level, v6 ? IPV6_MTU : IP_MTU, &mtu, &size) < 0) return std::nullopt;
  return static_cast<uint16_t>(std::clamp<int>(mtu, 0, std::numeric_limits<uint16_t>::max()));
}

}  // namespace sluice
