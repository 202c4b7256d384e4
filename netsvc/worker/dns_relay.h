#ifndef SLUICE_NETSVC_WORKER_DNS_RELAY_H_
#define SLUICE_NETSVC_WORKER_DNS_RELAY_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/interceptor.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/packet/packet.h"
#include "netsvc/worker/guest_link.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// Brings the guest's DNS to the interceptor and its answers back.
//
// A UDP query is taken off the wire and answered by a datagram from the address
// that was asked. A TCP connection to port 53 of any address goes through the
// host stack, which ends TCP for us, to a Unix socket that is listened on here.
// The host stack sees it under other addresses: one of ours for the resolver,
// one of ours with a port of its own for the guest, so that every connection
// stays apart from the others, and IPv6 becomes IPv4 on the way.
class DnsRelay {
 public:
  static constexpr uint16_t kPort = 53;

  // Listens on `service_path`.
  static absl::StatusOr<std::unique_ptr<DnsRelay>> Create(GuestLink& link, const Subnet& subnet,
                                                          flow::FlowTable& flows, const std::string& service_path);

  // The interceptor comes after the relay: it needs the gateway around both.
  void SetInterceptor(dns::Interceptor* interceptor) { interceptor_ = interceptor; }

  void OnDatagram(const packet::Packet& query);

  // Resolves `name` on the worker's own account, as dns::AskOwn.
  void Resolve(const DomainName& name, bool ipv6, std::function<void(bool answered)> done);

  // The host's side of a DNS connection that the guest is about to open; nothing
  // when every port is taken.
  std::optional<flow::FlowKey> HostSide();
  // The host stack has connected `flow` to our service.
  void OnConnected(const flow::Flow& flow);

 private:
  DnsRelay(GuestLink& link, const Subnet& subnet, flow::FlowTable& flows, UniqueFd service);

  GuestLink& link_;
  const Subnet& subnet_;
  flow::FlowTable& flows_;
  const UniqueFd service_;
  dns::Interceptor* interceptor_ = nullptr;
  uint16_t last_port_ = 0;
  // Connections that could not be accepted as they were made, and stand in line.
  int unaccepted_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_DNS_RELAY_H_
