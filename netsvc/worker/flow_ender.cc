#include "netsvc/worker/flow_ender.h"

#include <array>
#include <utility>

#include "netsvc/packet/builder.h"

namespace sluice {
namespace {

using flow::Flow;

constexpr size_t kResetSize = packet::kEthernetHeaderSize + packet::kIpv6HeaderSize + packet::kTcpHeaderSize;

v1::FlowEvent::EndCause CauseOf(const Flow& flow) {
  if (flow.tcp.state() != flow::TcpTracker::State::kReset) return v1::FlowEvent::END_CAUSE_FINISHED;
  return flow.tcp.reset_by_guest() ? v1::FlowEvent::END_CAUSE_RESET_BY_GUEST
                                   : v1::FlowEvent::END_CAUSE_RESET_BY_REMOTE;
}

}  // namespace

void FlowEnder::Finish(Flow& flow) {
  const bool sends_on = parts_.draining.OnFlowOver(flow, parts_.loop.clock().Monotonic());
  const bool lingers = flow.socket >= 0 && flow.tcp.state() == flow::TcpTracker::State::kFinished;
  if (lingers && !sends_on) lingering_.Add(flow);
  Close(flow, CauseOf(flow), nullptr);
}

void FlowEnder::End(Flow& flow, const policy::Verdict* verdict) {
  if (verdict != nullptr) parts_.link.captures().Judged(*verdict);
  if (flow.guest_side.protocol == v1::PROTOCOL_TCP) {
    parts_.stack.Abort(flow);
    ResetStack(flow);
    ResetGuest(flow);
  }
  Close(flow, verdict != nullptr ? v1::FlowEvent::END_CAUSE_ENDED : v1::FlowEvent::END_CAUSE_IDLE, verdict);
}

void FlowEnder::Close(Flow& flow, v1::FlowEvent::EndCause cause, const policy::Verdict* verdict) {
  if (flow.ended) return;
  parts_.echo.Close(flow);
  parts_.stack.Untie(flow);
  flow.DropHeld();
  parts_.bindings.Release(flow.guest_side.remote.address, flow.names);
  // Of a DNS connection the queries are told, not the flow.
  if (flow.handler != flow::Handler::kDns) parts_.audit.FlowClosed(flow, cause, verdict);
  parts_.flows.MarkEnded(flow, parts_.loop.clock().Monotonic());
}

void FlowEnder::ResetGuest(const Flow& flow) {
  const packet::Addressing addressing{parts_.subnet.gateway_mac, parts_.subnet.guest_mac, flow.guest_side.remote,
                                      flow.guest_side.guest};
  const packet::TcpControl reset{flow.tcp.next_from_remote(), flow.tcp.next_from_guest(),
                                 packet::kRst | packet::kAck};
  std::array<uint8_t, kResetSize> frame;
  const size_t size = packet::BuildTcpControl(addressing, reset, frame);
  parts_.link.Write(std::span(frame).first(size));
}

void FlowEnder::ResetStack(const Flow& flow) {
  const packet::Addressing addressing{parts_.subnet.guest_mac, parts_.subnet.gateway_mac, flow.host_side.guest,
                                      flow.host_side.remote};
  const packet::TcpControl reset{flow.tcp.next_from_guest(), flow.tcp.next_from_remote(),
                                 packet::kRst | packet::kAck};
  std::array<uint8_t, kResetSize> frame;
  const size_t size = packet::BuildTcpControl(addressing, reset, frame);
  parts_.stack.SendLater(parts_.loop, std::span(frame).first(size));
}

}  // namespace sluice
