#ifndef SLUICE_NETSVC_WORKER_NAME_GATE_H_
#define SLUICE_NETSVC_WORKER_NAME_GATE_H_

#include <cstdint>
#include <functional>
#include <span>

#include "netsvc/flow/flow.h"
#include "netsvc/flow/held_stream.h"
#include "netsvc/flow/inspection.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"
#include "netsvc/packet/segment.h"
#include "netsvc/worker/flow_ender.h"
#include "netsvc/worker/flow_judge.h"
#include "netsvc/worker/guest_link.h"
#include "netsvc/worker/rejecter.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// Holds flows to names: where a flow is `undecided`, nothing that the guest sends
// on it leaves until its first bytes have said whom they are for and the judge has
// agreed; after that nothing of it is looked at.
//
// TCP. The handshake and acknowledgments pass, so that a server that speaks first
// is heard at once. Segments with data are kept, in sequence, and acknowledged to
// the guest in the remote's name, for a guest's stack may hold back the rest of a
// request until its start has been acknowledged (RFC 9293 section 3.7.4). Once
// decided they go on in order. A FIN decides with what there is.
//
// A first line without its end may be the start of an HTTP request, or all that
// another protocol has to say before it waits for an answer. When the guest pauses
// there, the line goes on, and the flow stays undecided: no server takes a name
// from it, and whatever makes it a request is looked at first.
//
// UDP to port 443 is QUIC: its datagrams are kept until a hello is whole, and each
// later one is read too, for one flow may carry one connection after another. What
// cannot be read is refused at once, so that clients fall back to TCP.
//
// One thread. The parts outlive it; what flows hold does not (Flow::DropHeld).
class NameGate {
 public:
  static constexpr absl::Duration kPause = absl::Milliseconds(100);

  struct Parts {
    EventLoop& loop;
    const FlowJudge& judge;
    FlowEnder& ender;
    Rejecter& rejecter;
    GuestLink& link;
    const Subnet& subnet;
  };

  struct Counters {
    uint64_t named = 0;       // flows that named a host
    uint64_t unnamed = 0;     // flows decided without a name
    uint64_t ended = 0;       // of either: those that the judge denied
    uint64_t over_limit = 0;  // flows that had to be held where there was no room
  };

  // What goes on, packet by packet.
  using Forward = std::function<void(flow::Flow&, packet::Packet&)>;

  NameGate(const Parts& parts, Forward forward);

  // May this packet of the guest's go on now, as it is? False: it is held, or its
  // flow was ended, or what is left of it went on already.
  bool Admits(flow::Flow& flow, packet::Packet& packet) {
    return !flow.undecided || (packet.is_tcp() ? AdmitsSegment(flow, packet) : AdmitsDatagram(flow, packet));
  }

  const Counters& counters() const { return counters_; }
  size_t held_bytes() const { return budget_.bytes; }

 private:
  bool AdmitsSegment(flow::Flow& flow, packet::Packet& packet);
  bool AdmitsDatagram(flow::Flow& flow, packet::Packet& packet);
  // Judges the flow by its first bytes; false: it was ended.
  bool Settle(flow::Flow& flow, const flow::Inspection& inspection);
  policy::Verdict VerdictOf(const flow::Flow& flow, const flow::Inspection& inspection) const;
  // What the packet at hand brought goes on in another shape.
  void Show(const flow::Flow& flow);
  void EndOverLimit(flow::Flow& flow);

  void AcknowledgeHeld(flow::Flow& flow, const packet::Packet& segment);
  void OnPause(flow::Flow& flow);
  void ForwardHeld(flow::Flow& flow, const packet::Packet& last, const flow::HeldStream& held);
  // A segment like `segment` but for its sequence number, flags and payload.
  void ForwardLike(flow::Flow& flow, const packet::Packet& segment, const packet::SegmentChange& change);

  const Parts parts_;
  const Forward forward_;
  flow::HoldBudget budget_;
  Counters counters_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_NAME_GATE_H_
