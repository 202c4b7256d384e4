#ifndef SLUICE_NETSVC_WORKER_FLOW_ENDER_H_
#define SLUICE_NETSVC_WORKER_FLOW_ENDER_H_

#include "netsvc/dns/bindings.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/policy/verdict.h"
#include "netsvc/worker/audit_trail.h"
#include "netsvc/worker/draining_sockets.h"
#include "netsvc/worker/echo_relay.h"
#include "netsvc/worker/guest_link.h"
#include "netsvc/worker/lingering_connections.h"
#include "netsvc/worker/stack_port.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// Ends flows: the host's socket, the guest's connection, the event. One thread.
class FlowEnder {
 public:
  struct Parts {
    EventLoop& loop;
    StackPort& stack;
    GuestLink& link;
    const Subnet& subnet;
    flow::FlowTable& flows;
    dns::Bindings& bindings;
    EchoRelay& echo;
    AuditTrail& audit;
    DrainingSockets& draining;
  };

  explicit FlowEnder(const Parts& parts)
      : parts_(parts), lingering_(parts.loop, parts.flows, [this](const flow::Flow& flow) { ResetStack(flow); }) {}

  // It ended by itself: both sides know.
  void Finish(flow::Flow& flow);
  // Sluice ends it. Both sides of a TCP connection are reset, and nothing that
  // was queued still leaves. `verdict`: why; nullptr where it was idle.
  void End(flow::Flow& flow, const policy::Verdict* verdict);

 private:
  void Close(flow::Flow& flow, v1::FlowEvent::EndCause cause, const policy::Verdict* verdict);
  void ResetGuest(const flow::Flow& flow);
  void ResetStack(const flow::Flow& flow);

  const Parts parts_;
  LingeringConnections lingering_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_FLOW_ENDER_H_
