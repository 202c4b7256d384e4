#ifndef SLUICE_NETSVC_WORKER_FLOW_OPENER_H_
#define SLUICE_NETSVC_WORKER_FLOW_OPENER_H_

#include <optional>
#include <span>

#include "netsvc/flow/byte_budget.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"
#include "netsvc/slirp/host_stack.h"
#include "netsvc/worker/audit_trail.h"
#include "netsvc/worker/dns_relay.h"
#include "netsvc/worker/echo_relay.h"
#include "netsvc/worker/flow_ender.h"
#include "netsvc/worker/flow_judge.h"
#include "netsvc/worker/held_packets.h"
#include "netsvc/worker/published_ports.h"
#include "netsvc/worker/rejecter.h"
#include "netsvc/worker/stack_port.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// The protocol that policy knows a packet by: UNSPECIFIED for what is neither
// TCP, UDP nor an echo.
v1::Protocol ProtocolOf(const packet::Packet& packet);

// The flow that a packet of the guest's belongs to.
flow::FlowKey KeyFromGuest(const packet::Packet& packet);
// The same for a packet of the host stack's.
flow::FlowKey KeyFromStack(const packet::Packet& packet);

// Asks the judge about flows that are not known yet, and opens or refuses them. A
// flow that it returns has been written to the audit log. One thread.
class FlowOpener {
 public:
  struct Parts {
    EventLoop& loop;
    HostStack& stack;
    StackPort& stack_port;
    AuditTrail& audit;
    const FlowJudge& judge;
    const policy::AddressGroups& groups;
    dns::Bindings& bindings;
    HeldPackets& held;
    flow::FlowTable& flows;
    DnsRelay& dns;
    EchoRelay& echo;
    PublishedPorts& ports;
    FlowEnder& ender;
    Rejecter& rejecter;
    const Subnet& subnet;
    const flow::ByteBudget& budget;
  };

  explicit FlowOpener(const Parts& parts) : parts_(parts) {}

  // For a packet of the guest's, whose key is `key`. nullptr: it was refused, and
  // the guest told; or it is held until the names that it depends on have been
  // resolved again.
  flow::Flow* Egress(const flow::FlowKey& key, const packet::Packet& packet);
  // The same for a packet that was held: what is stale still could not be resolved.
  flow::Flow* EgressHeld(const flow::FlowKey& key, const packet::Packet& packet);

  // For the first packet from a peer of a published port; nullptr: it was refused,
  // and the peer told.
  flow::Flow* Ingress(const flow::FlowKey& host_side, const PublishedPort& port, const packet::Packet& packet);

  // Refuses a packet of the guest's because of `verdict`, and tells the guest.
  void Refuse(const flow::FlowKey& key, const packet::Packet& packet, const policy::Verdict& verdict,
              std::span<const DomainName> names = {});

 private:
  flow::Flow* OpenEgress(const flow::FlowKey& key, const packet::Packet& packet, const FlowJudge::Opening& opening);
  void RefusePeer(const flow::FlowKey& host_side, const packet::Packet& packet, int socket);
  std::optional<flow::FlowKey> HostSideOf(const flow::FlowKey& key, flow::Handler handler);
  std::optional<flow::FlowKey> GuestSideOf(const flow::FlowKey& host_side, const PublishedPort& port);
  bool StartEcho(flow::Flow& flow, const packet::Packet& packet);

  const Parts parts_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_FLOW_OPENER_H_
