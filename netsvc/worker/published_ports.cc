#include "netsvc/worker/published_ports.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

bool IsLoopback(const IpAddress& address) {
  if (address.is_v4()) return (address.v4() >> 24) == 127;
  return address == IpAddress::V6(in6addr_loopback);
}

std::optional<Endpoint> HostEndpoint(const v1::PortMapping& mapping) {
  const std::optional<IpAddress> address = IpAddress::Parse(mapping.host_address());
  if (!address || mapping.host_port() > 0xffff) return std::nullopt;
  return Endpoint{*address, static_cast<uint16_t>(mapping.host_port())};
}

}  // namespace

absl::Status PublishedPorts::Add(const v1::PortMapping& mapping, UniqueFd socket) {
  const std::optional<Endpoint> host = HostEndpoint(mapping);
  if (!host) return absl::InvalidArgumentError("the mapping has no host address");
  if (by_stack_guest_.size() >= kMaxPorts) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxPorts, " published ports"));
  }
  PublishedPort port{mapping, *host, {subnet_.family(host->address).published, 0}};
  do {
    port.stack_guest.port = ++last_port_;
  } while (last_port_ == 0 || by_stack_guest_.contains(Key(port.udp(), port.stack_guest)));
  absl::Status status = stack_.AddListener(port.udp(), std::move(socket), port.stack_guest);
  if (status.ok()) by_stack_guest_.emplace(Key(port.udp(), port.stack_guest), std::move(port));
  return status;
}

absl::StatusOr<PublishedPorts::Removed> PublishedPorts::Remove(const v1::PortMapping& mapping) {
  const std::optional<Endpoint> host = HostEndpoint(mapping);
  const bool udp = mapping.protocol() == v1::PROTOCOL_UDP;
  const auto it = std::find_if(by_stack_guest_.begin(), by_stack_guest_.end(), [&](const auto& entry) {
    return entry.second.udp() == udp && host && entry.second.host == *host;
  });
  if (it == by_stack_guest_.end()) return absl::NotFoundError("no such published port");
  PublishedPort port = std::move(it->second);
  by_stack_guest_.erase(it);
  absl::Status listener = stack_.RemoveListener(udp, port.stack_guest);
  return Removed{std::move(port), std::move(listener)};
}

const PublishedPort* PublishedPorts::Find(bool udp, const Endpoint& stack_guest) const {
  const auto it = by_stack_guest_.find(Key(udp, stack_guest));
  return it == by_stack_guest_.end() ? nullptr : &it->second;
}

void PublishedPorts::OnAccepted(int socket) {
  sockaddr_storage storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  socklen_t size = sizeof(storage);
  if (getsockname(socket, address, &size) < 0) return;
  const std::optional<Endpoint> local = Endpoint::FromSockaddr(address);
  size = sizeof(storage);
  if (getpeername(socket, address, &size) < 0) return;
  const std::optional<Endpoint> peer = Endpoint::FromSockaddr(address);
  if (local && peer) accepted_[socket] = {*local, *peer};
}

int PublishedPorts::TakeAccepted(const PublishedPort& port, const Endpoint& remote) {
  const auto is_it = [&](const auto& entry) {
    const Accepted& accepted = entry.second;
    if (accepted.local.port != port.host.port || accepted.peer.port != remote.port) return false;
    // The host stack shows loopback peers under the gateway's address.
    return accepted.peer.address == remote.address ||
           (IsLoopback(accepted.peer.address) && subnet_.IsAlias(remote.address));
  };
  const auto it = std::find_if(accepted_.begin(), accepted_.end(), is_it);
  if (it == accepted_.end()) return -1;
  const int socket = it->first;
  accepted_.erase(it);
  return socket;
}

}  // namespace sluice
