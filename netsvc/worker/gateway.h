#ifndef SLUICE_NETSVC_WORKER_GATEWAY_H_
#define SLUICE_NETSVC_WORKER_GATEWAY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/bindings.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/link/link.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"
#include "netsvc/packet/reassembler.h"
#include "netsvc/packet/sanitizer.h"
#include "netsvc/policy/judge.h"
#include "netsvc/slirp/host_stack.h"
#include "netsvc/worker/audit_trail.h"
#include "netsvc/worker/dns_relay.h"
#include "netsvc/worker/draining_sockets.h"
#include "netsvc/worker/echo_relay.h"
#include "netsvc/worker/flow_ender.h"
#include "netsvc/worker/flow_judge.h"
#include "netsvc/worker/flow_opener.h"
#include "netsvc/worker/guest_link.h"
#include "netsvc/worker/held_packets.h"
#include "netsvc/worker/name_gate.h"
#include "netsvc/worker/published_ports.h"
#include "netsvc/worker/rejecter.h"
#include "netsvc/worker/stack_port.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// A packet's way. Two functions say in which order its stages stand, FromGuest
// and OnFrame; the stages do not know one another. Nothing reaches the host's
// side without a flow that the judge allowed and that the audit log tells of.
//
// One thread, the loop's. The parts outlive it.
class Gateway : private HostStack::Delegate {
 public:
  struct Parts {
    EventLoop& loop;
    HostStack& stack;
    AuditTrail& audit;
    GuestLink& link;
    policy::Judge& judge;
    const FlowJudge& flow_judge;
    dns::Bindings& bindings;
    flow::FlowTable& flows;
    DnsRelay& dns;
    const Subnet& subnet;
    flow::ByteBudget& budget;
  };

  explicit Gateway(const Parts& parts);
  ~Gateway() override;

  // The guest's frames come from `link` until it is detached.
  void AttachLink(std::unique_ptr<link::Link> link);
  void DetachLink() { parts_.link.Detach(); }

  // One frame that the guest sent.
  void FromGuest(const packet::Frame& frame);

  // The judge has another policy: ends every open flow that it denies, and returns
  // how many.
  uint64_t OnPolicyChanged();
  // Another block list, or other settings of DNS: ends every open flow whose names
  // they refuse.
  void OnNamesChanged();

  // Published ports. AddPort as PublishedPorts::Add; RemovePort returns how many
  // flows ended with the port. They do, and the port is gone, where the host stack
  // fails to close its listener, too: its error then.
  absl::Status AddPort(const v1::PortMapping& mapping, UniqueFd socket);
  absl::StatusOr<uint64_t> RemovePort(const v1::PortMapping& mapping);

  // Ends every flow, because of `verdict`, and returns how many.
  uint64_t EndAllFlows(const policy::Verdict& verdict);

  const NameGate& name_gate() const { return name_gate_; }

 private:
  // HostStack::Delegate. OnFrame: one frame for the guest.
  void OnFrame(std::span<uint8_t> frame) override;
  void OnAccepted(int socket) override { ports_.OnAccepted(socket); }
  void OnSocketClosed(int socket) override;
  void OnTurnEnd() override { parts_.link.Flush(); }

  void Judge(packet::Sanitizer::Result& sane);
  // Whether the budget lets a packet of the guest's leave. Where it does not,
  // everything ends.
  bool WithinBudget(const packet::Packet& packet);
  flow::Flow* FindOrOpen(const packet::Packet& packet);
  void OnReleased(packet::Packet& packet);
  void Release(packet::Packet& packet);
  void Admit(flow::Flow& flow, packet::Packet& packet);
  void Forward(flow::Flow& flow, packet::Packet& packet);

  void Advertise(const packet::Packet& packet);
  bool AnswerForPublished(const packet::Packet& packet);
  flow::Flow* FindOrAccept(const packet::Packet& packet);
  void Deliver(flow::Flow& flow, packet::Packet& packet);
  void OnStackError(packet::Packet& packet);

  // Ends the open flows that the judge denies now; `reason` is told instead of its.
  uint64_t Rejudge(std::optional<v1::Verdict::Reason> reason);
  // Ends the open flows that `why` has a verdict for.
  uint64_t EndIf(const std::function<const policy::Verdict*(const flow::Flow&)>& why);
  void TellLongFlows();
  void SweepLater();
  link::Captures& captures() { return parts_.link.captures(); }
  absl::Duration Now() const { return parts_.loop.clock().Monotonic(); }

  const Parts parts_;
  packet::Sanitizer sanitizer_;
  packet::Reassembler stack_fragments_;
  Rejecter rejecter_;
  EchoRelay echo_;
  PublishedPorts ports_;
  StackPort stack_port_;
  DrainingSockets draining_;
  FlowEnder ender_;
  HeldPackets held_;
  NameGate name_gate_;
  FlowOpener opener_;
  std::unique_ptr<EventLoop::Handle> sweep_timer_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_GATEWAY_H_
