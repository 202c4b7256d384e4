#include "netsvc/worker/internet_routes.h"

#include <sys/socket.h>

#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

bool HasInternetRoute(bool ipv6) {
  // Any address of the Internet's will do: 192.0.2.0/24 and 2001:db8::/32 are not
  // routed there, so a root name server's (a.root-servers.net) is asked about.
  const std::optional<IpAddress> far = IpAddress::Parse(ipv6 ? "2001:503:ba3e::2:30" : "198.41.0.4");
  const UniqueFd probe(socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t size = Endpoint{*far, 53}.ToSockaddr(address);
  return probe.valid() && connect(probe.get(), reinterpret_cast<sockaddr*>(&address), size) == 0;
}

bool InternetRoutes::Has(bool ipv6) {
  std::optional<Answer>& answer = answers_[ipv6 ? 1 : 0];
  const absl::Duration now = clock_.Monotonic();
  if (!answer || now - answer->asked >= kFreshFor) answer = {.has = ask_(ipv6), .asked = now};
  return answer->has;
}

}  // namespace sluice
