#include "netsvc/worker/host_addresses.h"

#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/socket.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/endpoint.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

absl::Status NetlinkError(int error, absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", nl_geterror(error)));
}

using Socket = std::unique_ptr<nl_sock, decltype(&nl_socket_free)>;

absl::StatusOr<Socket> Connect() {
  Socket socket(nl_socket_alloc(), nl_socket_free);
  if (socket == nullptr) return absl::ResourceExhaustedError("netlink socket");
  if (const int rc = nl_connect(socket.get(), NETLINK_ROUTE); rc < 0) return NetlinkError(rc, "rtnetlink");
  return socket;
}

void Collect(nl_object* object, void* opaque) {
  auto* addresses = static_cast<std::vector<IpAddress>*>(opaque);
  nl_addr* local = rtnl_addr_get_local(reinterpret_cast<rtnl_addr*>(object));
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (local == nullptr || nl_addr_fill_sockaddr(local, address, &size) < 0) return;
  const std::optional<IpAddress> found = IpAddress::FromSockaddr(address);
  if (found) addresses->push_back(*found);
}

absl::StatusOr<std::vector<IpAddress>> List(nl_sock* requests) {
  nl_cache* cache = nullptr;
  if (const int rc = rtnl_addr_alloc_cache(requests, &cache); rc < 0) return NetlinkError(rc, "host addresses");
  std::vector<IpAddress> addresses;
  nl_cache_foreach(cache, Collect, &addresses);
  nl_cache_free(cache);
  return addresses;
}

}  // namespace

absl::StatusOr<std::vector<IpAddress>> ReadHostAddresses() {
  const absl::StatusOr<Socket> requests = Connect();
  if (!requests.ok()) return requests.status();
  return List(requests->get());
}

absl::StatusOr<std::unique_ptr<HostAddresses>> HostAddresses::Create(EventLoop& loop, Callback on_change) {
  absl::StatusOr<Socket> events = Connect();
  if (!events.ok()) return events.status();
  absl::StatusOr<Socket> requests = Connect();
  if (!requests.ok()) return requests.status();
  const int rc = nl_socket_add_memberships(events->get(), RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
  if (rc < 0) return NetlinkError(rc, "rtnetlink groups");
  std::unique_ptr<HostAddresses> self(
      new HostAddresses(loop, events->release(), requests->release(), std::move(on_change)));
  nl_socket_disable_seq_check(self->events_);
  nl_socket_set_nonblocking(self->events_);
  if (absl::Status status = self->Refresh(); !status.ok()) return status;
  HostAddresses* raw = self.get();
  self->watch_ = loop.Watch(nl_socket_get_fd(self->events_), EPOLLIN, [raw](uint32_t) { raw->OnEvents(); });
  return self;
}

HostAddresses::HostAddresses(EventLoop& loop, nl_sock* events, nl_sock* requests, Callback on_change)
    : loop_(loop), events_(events), requests_(requests), on_change_(std::move(on_change)) {
  const auto note = [](nl_msg*, void* opaque) -> int {
    static_cast<HostAddresses*>(opaque)->changed_ = true;
    return NL_OK;
  };
  nl_socket_modify_cb(events_, NL_CB_VALID, NL_CB_CUSTOM, note, this);
}

HostAddresses::~HostAddresses() {
  watch_.reset();
  nl_socket_free(events_);
  nl_socket_free(requests_);
}

absl::Status HostAddresses::Refresh() {
  const absl::StatusOr<std::vector<IpAddress>> addresses = List(requests_);
  if (!addresses.ok()) return addresses.status();
  on_change_(*addresses);
  return absl::OkStatus();
}

void HostAddresses::OnEvents() {
  // Whatever was lost (the queue overran) or could not be read: the list is read
  // anew.
  if (nl_recvmsgs_default(events_) < 0) changed_ = true;
  if (std::exchange(changed_, false)) RefreshOrRetry();
}

void HostAddresses::RefreshOrRetry() {
  retry_.reset();
  const absl::Status status = Refresh();
  if (status.ok()) return;
  spdlog::error("host addresses are stale: {}", std::string(status.message()));
  retry_ = loop_.RunAfter(kRetryInterval, [this] { RefreshOrRetry(); });
}

}  // namespace sluice
