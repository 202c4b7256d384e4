#include "netsvc/worker/gateway.h"

#include <algorithm>
#include <array>
#include <utility>

#include "netsvc/packet/builder.h"
#include "netsvc/packet/rewrite.h"
#include "netsvc/packet/router_advertisement.h"
#include "netsvc/worker/path_mtu.h"
#include "netsvc/worker/stack_error.h"

namespace sluice {
namespace {

using flow::Flow;
using flow::FlowKey;
using flow::Handler;
using packet::Packet;
using packet::Sanitizer;

constexpr absl::Duration kSweepInterval = absl::Seconds(1);
// A flow that is open for long is told of this often.
constexpr absl::Duration kProgressInterval = absl::Minutes(1);

Sanitizer::Options SanitizerOptions(const Subnet& subnet) {
  return {.guest_mac = subnet.guest_mac,
          .guest_ipv4 = subnet.ipv4.guest,
          .ipv6_subnet = subnet.ipv6.prefix,
          .gateway_addresses = subnet.Reserved()};
}

bool OpensConnection(const Packet& packet) {
  return (packet.tcp_flags & (packet::kSyn | packet::kAck | packet::kRst)) == packet::kSyn;
}

bool IsDnsQuery(const Packet& packet) {
  return packet.is_udp() && packet.destination_port == DnsRelay::kPort;
}

// What libslirp itself says to the guest: DHCP, and everything of neighbor
// discovery (RFC 4861: types 133 to 137).
bool IsLinkService(const Packet& packet) {
  if (packet.ether_type == packet::kEtherTypeArp) return true;
  if (packet.is_udp()) return packet.source_port == 67 || packet.source_port == 547;
  return packet.protocol == packet::kIcmpv6 && packet.icmp_type >= 133 && packet.icmp_type <= 137;
}

}  // namespace

Gateway::Gateway(const Parts& parts)
    : parts_(parts),
      sanitizer_(SanitizerOptions(parts.subnet)),
      rejecter_(parts.link, parts.subnet, parts.judge),
      echo_(parts.loop, parts.link, parts.subnet, parts.flows),
      ports_(parts.stack, parts.subnet),
      stack_port_(parts.stack),
      draining_(parts.stack),
      ender_({parts.loop, stack_port_, parts.link, parts.subnet, parts.flows, parts.bindings, echo_, parts.audit,
              draining_}),
      held_(
          parts.loop, parts.bindings,
          [&dns = parts.dns](const DomainName& name, bool ipv6, std::function<void(bool)> done) {
            dns.Resolve(name, ipv6, std::move(done));
          },
          [this](Packet& packet) { OnReleased(packet); }),
      name_gate_({parts.loop, parts.flow_judge, ender_, rejecter_, parts.link, parts.subnet},
                 [this](Flow& flow, Packet& packet) { Forward(flow, packet); }),
      opener_({parts.loop, parts.stack, stack_port_, parts.audit, parts.flow_judge, parts.judge.groups(),
               parts.bindings, held_, parts.flows, parts.dns, echo_, ports_, ender_, rejecter_, parts.subnet, parts.budget}) {
  parts_.stack.SetDelegate(this);
  SweepLater();
}

Gateway::~Gateway() {
  parts_.flows.ForEachOpen([](Flow& flow) { flow.DropHeld(); });
  parts_.link.Detach();
  parts_.stack.SetDelegate(nullptr);
}

void Gateway::AttachLink(std::unique_ptr<link::Link> link) {
  parts_.link.Attach(std::move(link), [this](const packet::Frame& frame) { FromGuest(frame); });
}

void Gateway::FromGuest(const packet::Frame& frame) {
  if (captures().active()) captures().Begin(link::FrameDirection::kFromGuest, frame.bytes);
  Sanitizer::Result sane = sanitizer_.Process(frame, Now());
  Judge(sane);
  captures().End();
}

void Gateway::Judge(Sanitizer::Result& sane) {
  Packet& packet = sane.packet;
  switch (sane.verdict) {
    case Sanitizer::Verdict::kHeld:
      return;
    case Sanitizer::Verdict::kMalformed:
      return parts_.audit.Malformed(KeyFromGuest(packet));
    case Sanitizer::Verdict::kUnsupported:
      // Every guest speaks to groups that are not there (RFC 3810): no event.
      if (!packet.destination_mac.is_group()) parts_.audit.Unsupported(KeyFromGuest(packet));
      return captures().Judged(v1::ACTION_DENY, "UNSUPPORTED");
    case Sanitizer::Verdict::kArp:
    case Sanitizer::Verdict::kNeighborDiscovery:
    case Sanitizer::Verdict::kDhcp:
      captures().Judged(v1::ACTION_ALLOW, "SERVICE");
      parts_.stack.Input(packet.frame);
      return;
    case Sanitizer::Verdict::kPacket:
      break;
  }
  if (!WithinBudget(packet)) return;
  if (IsDnsQuery(packet)) {
    parts_.budget.Spend(packet.frame.size());
    return parts_.dns.OnDatagram(packet);
  }
  Flow* flow = FindOrOpen(packet);
  if (flow != nullptr) Admit(*flow, packet);
}

void Gateway::Admit(Flow& flow, Packet& packet) {
  if (!name_gate_.Admits(flow, packet)) return;
  captures().Judged(flow.verdict(), flow.id);
  Forward(flow, packet);
}

bool Gateway::WithinBudget(const Packet& packet) {
  if (parts_.budget.Covers(packet.frame.size())) return true;
  const policy::Verdict limit{v1::ACTION_DENY, v1::Verdict::REASON_LIMIT, policy::kDefaultRuleId};
  EndAllFlows(limit);
  opener_.Refuse(KeyFromGuest(packet), packet, limit);
  return false;
}

Flow* Gateway::FindOrOpen(const Packet& packet) {
  const FlowKey key = KeyFromGuest(packet);
  Flow* flow = parts_.flows.FindByGuestSide(key);
  if (flow != nullptr && !flow->ended) return flow;
  if (packet.is_tcp() && !OpensConnection(packet)) {
    captures().Judged(v1::ACTION_DENY, "NO_FLOW");
    rejecter_.Reject(packet);
    return nullptr;
  }
  return opener_.Egress(key, packet);
}

void Gateway::OnReleased(Packet& packet) {
  if (captures().active()) captures().Begin(link::FrameDirection::kFromGuest, packet.frame, /*if_denied=*/true);
  Release(packet);
  captures().End();
}

void Gateway::Release(Packet& packet) {
  if (!WithinBudget(packet)) return;
  const FlowKey key = KeyFromGuest(packet);
  Flow* flow = parts_.flows.FindByGuestSide(key);
  if (flow == nullptr || flow->ended) flow = opener_.EgressHeld(key, packet);
  if (flow != nullptr) Admit(*flow, packet);
}

void Gateway::Forward(Flow& flow, Packet& packet) {
  flow.bytes_to_remote += packet.payload().size();
  parts_.budget.Spend(packet.frame.size());
  if (packet.is_tcp()) {
    flow.tcp.OnGuestSegment(packet);
    if (packet.tcp_flags & packet::kSyn) {
      flow.guest_segment_size = std::min(packet::MaxSegmentSizeOption(packet),
                                         parts_.subnet.SegmentSize(packet.source.is_v6()));
    }
  }
  parts_.flows.Touch(flow, Now());
  if (flow.handler == Handler::kEcho) return echo_.Send(flow, packet);
  // The host stack would deliver what it has queued and then end in peace: the
  // remote is to see the reset.
  if (flow.tcp.reset_by_guest()) stack_port_.Abort(flow);
  const bool connected = stack_port_.Send(flow, packet);
  if (connected && flow.handler == Handler::kDns) parts_.dns.OnConnected(flow);
  if (packet.is_tcp() && flow.tcp.over()) ender_.Finish(flow);
}

void Gateway::OnSocketClosed(int socket) {
  ports_.OnSocketClosed(socket);
  draining_.OnSocketClosed(socket, stack_port_.FlowOf(socket), Now());
  stack_port_.OnSocketClosed(socket);
}

void Gateway::OnFrame(std::span<uint8_t> frame) {
  Packet packet;
  packet::ParseError error = packet::Parse(frame, packet);
  if (error == packet::ParseError::kFragment) {
    // libslirp cuts large datagrams to its own MTU; the link takes them whole.
    const packet::Reassembler::Result whole = stack_fragments_.Add(packet, Now());
    if (whole.outcome != packet::Reassembler::Outcome::kWhole) return;
    packet = {};
    error = packet::Parse(whole.frame, packet);
  }
  if (error != packet::ParseError::kNone) return;
  if (AnswerForPublished(packet)) return;
  if (packet::IsRouterAdvertisement(packet)) return Advertise(packet);
  if (IsLinkService(packet)) return parts_.link.Write(packet.frame);
  if (IsIcmpError(packet)) return OnStackError(packet);
  if (captures().active()) captures().Begin(link::FrameDirection::kToGuest, packet.frame, /*if_denied=*/true);
  Flow* flow = FindOrAccept(packet);
  captures().End();
  if (flow != nullptr) Deliver(*flow, packet);
}

void Gateway::Advertise(const Packet& packet) {
  // libslirp's own names no MTU, and a resolver only where the host's has an IPv6
  // address.
  const packet::Addressing addressing{packet.source_mac, packet.destination_mac, packet.source_endpoint(),
                                      packet.destination_endpoint()};
  const Subnet::Family& ipv6 = parts_.subnet.ipv6;
  std::array<uint8_t, packet::kRouterAdvertisementFrameSize> frame;
  const size_t size = packet::BuildRouterAdvertisement(
      addressing, {.prefix = ipv6.prefix, .mtu = parts_.subnet.mtu, .dns = ipv6.dns}, frame);
  parts_.link.Write(std::span(frame).first(size));
}

bool Gateway::AnswerForPublished(const Packet& packet) {
  const std::optional<IpAddress> target = NeighborAsked(packet);
  if (!target || !(parts_.subnet.IsPublished(*target) || *target == parts_.subnet.dns_client)) return false;
  std::array<uint8_t, packet::kMaxRejectSize> answer;
  const MacAddress& guest = parts_.subnet.guest_mac;
  const size_t size =
      target->is_v4()
          ? packet::BuildArpReply(guest, *target, packet.source_mac, parts_.subnet.ipv4.gateway, answer)
          : packet::BuildNeighborAdvertisement(guest, *target, packet.source_mac, packet.source, answer);
  stack_port_.SendLater(parts_.loop, std::span(answer).first(size));
  return true;
}

Flow* Gateway::FindOrAccept(const Packet& packet) {
  FlowKey key = KeyFromStack(packet);
  // libslirp shows UDP peers on the host's loopback under the gateway's address,
  // and sends nothing back to that.
  if (packet.is_udp() && parts_.subnet.IsAlias(key.remote.address)) {
    key.remote.address = key.remote.address.is_v6() ? IpAddress::V6(in6addr_loopback) : IpAddress::V4(INADDR_LOOPBACK);
  }
  Flow* flow = parts_.flows.FindByHostSide(key);
  if (flow != nullptr && !flow->ended) return flow;
  const PublishedPort* port = ports_.Find(packet.is_udp(), key.guest);
  if (port == nullptr || (packet.is_tcp() && !OpensConnection(packet))) return nullptr;
  return opener_.Ingress(key, *port, packet);
}

void Gateway::Deliver(Flow& flow, Packet& packet) {
  flow.bytes_to_guest += packet.payload().size();
  if (packet.is_tcp()) flow.tcp.OnRemoteSegment(packet);
  parts_.flows.Touch(flow, Now());
  Packet& seen = stack_port_.ToGuestSide(flow, packet);
  if (!packet.is_tcp()) return parts_.link.Write(seen.frame, &flow);
  const uint16_t fits = parts_.subnet.SegmentSize(seen.source.is_v6());
  const uint16_t announced = flow.guest_segment_size;
  parts_.link.WriteSegmented(seen, announced == 0 ? fits : std::min(announced, fits), flow);
  if (flow.tcp.over()) ender_.Finish(flow);
}

void Gateway::OnStackError(Packet& packet) {
  const std::optional<FlowKey> key = KeyOfQuoted(packet);
  if (!key) return;
  Flow* flow = parts_.flows.FindByHostSide(*key);
  if (flow == nullptr || flow->ended) return;
  if (IsTooBig(packet)) SetNextHopMtu(packet, PathMtu(key->remote.address).value_or(0));
  std::array<uint8_t, packet::kMaxRejectSize> frame;
  const size_t size = TranslateError(packet, *flow, parts_.subnet, frame);
  if (size > 0) parts_.link.Write(std::span(frame).first(size), flow);
}

uint64_t Gateway::OnPolicyChanged() { return Rejudge(v1::Verdict::REASON_POLICY_CHANGED); }

void Gateway::OnNamesChanged() { Rejudge(std::nullopt); }

uint64_t Gateway::Rejudge(std::optional<v1::Verdict::Reason> reason) {
  parts_.flows.ForEachOpen([this](Flow& flow) {
    // Its first bytes are still to come; of QUIC, those of its next connection.
    const bool to_come = flow.bytes_to_remote == 0 || flow.guest_side.protocol == v1::PROTOCOL_UDP;
    if (to_come && parts_.flow_judge.Inspects(flow)) flow.undecided = true;
    if (flow.held_datagrams != nullptr) flow.held_datagrams->judged = {};
  });
  policy::Verdict changed;
  return EndIf([this, reason, &changed](const Flow& flow) -> const policy::Verdict* {
    if (flow.handler == Handler::kDns) return nullptr;  // judged query by query
    changed = parts_.flow_judge.OfOpen(flow);
    if (changed.allowed()) return nullptr;
    changed.reason = reason.value_or(changed.reason);
    return &changed;
  });
}

uint64_t Gateway::EndAllFlows(const policy::Verdict& verdict) {
  return EndIf([&verdict](const Flow&) { return &verdict; });
}

uint64_t Gateway::EndIf(const std::function<const policy::Verdict*(const Flow&)>& why) {
  uint64_t ended = 0;
  parts_.flows.ForEachOpen([&](Flow& flow) {
    const policy::Verdict* verdict = why(flow);
    if (verdict == nullptr) return;
    ender_.End(flow, verdict);
    if (flow.handler != Handler::kDns) ++ended;
  });
  draining_.ResetIf([&why](const Flow& flow) { return why(flow) != nullptr; });
  return ended;
}

absl::Status Gateway::AddPort(const v1::PortMapping& mapping, UniqueFd socket) {
  return ports_.Add(mapping, std::move(socket));
}

absl::StatusOr<uint64_t> Gateway::RemovePort(const v1::PortMapping& mapping) {
  const absl::StatusOr<PublishedPorts::Removed> removed = ports_.Remove(mapping);
  if (!removed.ok()) return removed.status();
  const policy::Verdict unpublished{v1::ACTION_DENY, v1::Verdict::REASON_POLICY_CHANGED, policy::kDefaultRuleId};
  const uint64_t ended = EndIf([&](const Flow& flow) {
    const bool its =
        flow.host_side.guest == removed->port.stack_guest && flow.host_side.protocol == mapping.protocol();
    return its ? &unpublished : nullptr;
  });
  if (!removed->listener.ok()) return removed->listener;
  return ended;
}

void Gateway::TellLongFlows() {
  const absl::Duration now = Now();
  parts_.flows.ForEachOpen([this, now](Flow& flow) {
    if (now - flow.last_told < kProgressInterval || flow.handler == Handler::kDns) return;
    flow.last_told = now;
    parts_.audit.FlowProgress(flow);
  });
}

void Gateway::SweepLater() {
  sweep_timer_ = parts_.loop.RunAfter(kSweepInterval, [this] {
    parts_.flows.Sweep(Now(), [this](Flow& flow) { ender_.End(flow, nullptr); });
    draining_.Sweep(Now());
    TellLongFlows();
    SweepLater();
  });
}

}  // namespace sluice
