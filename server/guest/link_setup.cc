#include "server/guest/link_setup.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "server/guest/tap_link.h"

namespace sluice {
namespace {

constexpr char kIpv6Settings[] = "/proc/sys/net/ipv6/conf/";

// What libnl allocates and frees, as unique_ptr.
template <auto kFree>
struct NlFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using NlSocket = std::unique_ptr<nl_sock, NlFree<nl_socket_free>>;
using NlAddress = std::unique_ptr<nl_addr, NlFree<nl_addr_put>>;
using Link = std::unique_ptr<rtnl_link, NlFree<rtnl_link_put>>;
using LinkAddress = std::unique_ptr<rtnl_addr, NlFree<rtnl_addr_put>>;
using Route = std::unique_ptr<rtnl_route, NlFree<rtnl_route_put>>;

// libnl's errors are negative.
absl::Status NlStatus(int error, absl::string_view what) {
  if (error >= 0) return absl::OkStatus();
  const std::string text = absl::StrCat(what, ": ", nl_geterror(error));
  if (error == -NLE_EXIST) return absl::AlreadyExistsError(text);
  if (error == -NLE_PERM) return absl::PermissionDeniedError(text);
  return absl::InternalError(text);
}

absl::StatusOr<NlSocket> Connect() {
  NlSocket socket(nl_socket_alloc());
  if (socket == nullptr) return absl::ResourceExhaustedError("no memory for a netlink socket");
  if (const absl::Status status = NlStatus(nl_connect(socket.get(), NETLINK_ROUTE), "netlink"); !status.ok()) {
    return status;
  }
  return socket;
}

NlAddress ToNl(const IpAddress& address, int length) {
  NlAddress result(nl_addr_build(address.is_v4() ? AF_INET : AF_INET6, address.bytes().data(), address.bytes().size()));
  nl_addr_set_prefixlen(result.get(), length);
  return result;
}

absl::Status ChangeLink(nl_sock* socket, int index, const LinkConfig& config) {
  const Link old(rtnl_link_alloc());
  const Link change(rtnl_link_alloc());
  const NlAddress mac(nl_addr_build(AF_LLC, config.mac.bytes.data(), config.mac.bytes.size()));
  rtnl_link_set_ifindex(old.get(), index);
  rtnl_link_set_ifindex(change.get(), index);
  rtnl_link_set_addr(change.get(), mac.get());
  rtnl_link_set_mtu(change.get(), config.mtu);
  rtnl_link_set_txqlen(change.get(), TapLink::kTxQueueLength);
  if (!config.owner.empty()) rtnl_link_set_ifalias(change.get(), config.owner.c_str());
  rtnl_link_set_flags(change.get(), IFF_UP);
  return NlStatus(rtnl_link_change(socket, old.get(), change.get(), 0), absl::StrCat("set up ", config.name));
}

absl::Status AddAddress(nl_sock* socket, int index, const LinkConfig::Family& family) {
  const LinkAddress address(rtnl_addr_alloc());
  const NlAddress local = ToNl(family.address, family.subnet.length());
  rtnl_addr_set_ifindex(address.get(), index);
  rtnl_addr_set_local(address.get(), local.get());
  if (family.address.is_v6()) rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
  return NlStatus(rtnl_addr_add(socket, address.get(), 0), absl::StrCat("add address ", family.address.ToString()));
}

absl::Status AddDefaultRoute(nl_sock* socket, int index, const IpAddress& gateway) {
  const Route route(rtnl_route_alloc());
  const int family = gateway.is_v4() ? AF_INET : AF_INET6;
  const NlAddress anywhere(nl_addr_build(family, nullptr, 0));
  const NlAddress via = ToNl(gateway, gateway.bits());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();  // the route's, once added
  rtnl_route_nh_set_ifindex(hop, index);
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_set_family(route.get(), static_cast<uint8_t>(family));
  rtnl_route_set_dst(route.get(), anywhere.get());
  rtnl_route_add_nexthop(route.get(), hop);
  const int error = rtnl_route_add(socket, route.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (error == -NLE_EXIST) return absl::AlreadyExistsError("the namespace has a default route already");
  return NlStatus(error, absl::StrCat("add the default route via ", gateway.ToString()));
}

absl::Status SetUpFamily(nl_sock* socket, int index, const LinkConfig::Family& family) {
  const absl::Status status = AddAddress(socket, index, family);
  return status.ok() ? AddDefaultRoute(socket, index, family.gateway) : status;
}

bool HasIpv6() { return access(kIpv6Settings, F_OK) == 0; }

absl::Status SetIpv6(const std::string& name) {
  constexpr std::pair<const char*, const char*> kSettings[] = {
      {"disable_ipv6", "0"}, {"accept_ra", "0"}, {"accept_dad", "0"}, {"router_solicitations", "0"}};
  for (const auto& [setting, value] : kSettings) {
    const absl::Status status = WriteFile(absl::StrCat(kIpv6Settings, name, "/", setting), value);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SetUpLink(const LinkConfig& config) {
  const bool has_ipv6 = HasIpv6();
  absl::Status status = has_ipv6 ? SetIpv6(config.name) : absl::OkStatus();
  if (!status.ok()) return status;
  absl::StatusOr<NlSocket> socket = Connect();
  if (!socket.ok()) return socket.status();
  const int index = static_cast<int>(if_nametoindex(config.name.c_str()));
  status = ChangeLink(socket->get(), index, config);
  if (status.ok()) status = SetUpFamily(socket->get(), index, config.ipv4);
  if (status.ok() && has_ipv6) status = SetUpFamily(socket->get(), index, config.ipv6);
  return status;
}

absl::StatusOr<std::string> OwnerOfLink(const std::string& name) {
  absl::StatusOr<NlSocket> socket = Connect();
  if (!socket.ok()) return socket.status();
  rtnl_link* found = nullptr;
  const int error = rtnl_link_get_kernel(socket->get(), 0, name.c_str(), &found);
  const Link link(found);
  if (error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND) {
    return absl::NotFoundError(absl::StrCat("there is no interface ", name, " in the namespace"));
  }
  if (error < 0) return NlStatus(error, absl::StrCat("look at ", name));
  const char* const alias = rtnl_link_get_ifalias(link.get());
  return alias == nullptr ? "" : alias;
}

absl::Status RemoveLink(const std::string& name) {
  absl::StatusOr<NlSocket> socket = Connect();
  if (!socket.ok()) return socket.status();
  const Link link(rtnl_link_alloc());
  rtnl_link_set_name(link.get(), name.c_str());
  const int error = rtnl_link_delete(socket->get(), link.get());
  if (error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND) return absl::OkStatus();
  return NlStatus(error, absl::StrCat("remove ", name));
}

}  // namespace sluice
