#include "netsvc/worker/flow_opener.h"

#include <algorithm>
#include <array>
#include <string>

#include "netsvc/packet/builder.h"

namespace sluice {
namespace {

using flow::Flow;
using flow::FlowKey;
using flow::Handler;
using policy::Verdict;

// Ports that a peer of the host's own is shown under where its own is taken.
constexpr uint16_t kFirstSubstitutePort = 49152;  // RFC 6335 section 6

constexpr Verdict kDnsAllowed{v1::ACTION_ALLOW, v1::Verdict::REASON_PRESET, policy::kPresetRuleId};

Verdict Denied(v1::Verdict::Reason reason) {
  return {.action = v1::ACTION_DENY, .reason = reason, .rule_id = policy::kDefaultRuleId};
}

Handler HandlerOf(const FlowKey& key) {
  if (key.protocol == v1::PROTOCOL_ICMP) return Handler::kEcho;
  if (key.protocol == v1::PROTOCOL_TCP && key.remote.port == DnsRelay::kPort) return Handler::kDns;
  return Handler::kStack;
}

IpAddress LoopbackOf(const IpAddress& address) {
  return address.is_v6() ? IpAddress::V6(in6addr_loopback) : IpAddress::V4(INADDR_LOOPBACK);
}

std::span<const DomainName> NamesToKeep(const FlowJudge::Opening& opening) {
  return std::span(opening.names).first(std::min(opening.names.size(), Flow::kMaxNames));
}

void SetVerdict(const Verdict& verdict, Flow& flow) {
  flow.action = verdict.action;
  flow.reason = verdict.reason;
  flow.rule_id = std::string(verdict.rule_id);
}

}  // namespace

v1::Protocol ProtocolOf(const packet::Packet& packet) {
  if (packet.is_tcp()) return v1::PROTOCOL_TCP;
  if (packet.is_udp()) return v1::PROTOCOL_UDP;
  if (packet.is_echo_request()) return v1::PROTOCOL_ICMP;
  return v1::PROTOCOL_UNSPECIFIED;
}

FlowKey KeyFromGuest(const packet::Packet& packet) {
  FlowKey key{ProtocolOf(packet), packet.source_endpoint(), packet.destination_endpoint()};
  if (key.protocol == v1::PROTOCOL_ICMP) key.remote.port = 0;
  return key;
}

FlowKey KeyFromStack(const packet::Packet& packet) {
  return {ProtocolOf(packet), packet.destination_endpoint(), packet.source_endpoint()};
}

void FlowOpener::Refuse(const FlowKey& key, const packet::Packet& packet, const Verdict& verdict,
                      std::span<const DomainName> names) {
  parts_.audit.FlowDenied(v1::DIRECTION_EGRESS, key, verdict, names);
  parts_.rejecter.Reject(packet);
}

std::optional<FlowKey> FlowOpener::HostSideOf(const FlowKey& key, Handler handler) {
  if (handler == Handler::kDns) return parts_.dns.HostSide();
  FlowKey host_side = key;
  if (handler == Handler::kStack && parts_.subnet.IsAlias(key.remote.address)) {
    host_side.remote.address = LoopbackOf(key.remote.address);
  }
  // Two addresses of the guest's for one of the host's cannot be told apart when
  // the answer comes: the second must wait for the first to end.
  const Flow* other = parts_.flows.FindByHostSide(host_side);
  if (other != nullptr && !other->ended) return std::nullopt;
  return host_side;
}

Flow* FlowOpener::Egress(const FlowKey& key, const packet::Packet& packet) {
  // DNS is judged query by query, by the interceptor.
  if (HandlerOf(key) == Handler::kDns) return OpenEgress(key, packet, {.verdict = kDnsAllowed});
  const FlowJudge::Opening opening = parts_.judge.OfNew(v1::DIRECTION_EGRESS, key);
  if (opening.stale.empty()) return OpenEgress(key, packet, opening);
  if (!parts_.held.Hold(key, packet, opening.stale)) Refuse(key, packet, Denied(v1::Verdict::REASON_LIMIT));
  return nullptr;
}

Flow* FlowOpener::EgressHeld(const FlowKey& key, const packet::Packet& packet) {
  const FlowJudge::Opening opening = parts_.judge.OfNew(v1::DIRECTION_EGRESS, key);
  if (opening.stale.empty()) return OpenEgress(key, packet, opening);
  Refuse(key, packet, Denied(v1::Verdict::REASON_RESOLUTION_FAILED), opening.stale);
  return nullptr;
}

Flow* FlowOpener::OpenEgress(const FlowKey& key, const packet::Packet& packet, const FlowJudge::Opening& opening) {
  if (!opening.verdict.allowed()) {
    Refuse(key, packet, opening.verdict, NamesToKeep(opening));
    return nullptr;
  }
  const Handler handler = HandlerOf(key);
  const std::optional<FlowKey> host_side = HostSideOf(key, handler);
  const bool room = handler != Handler::kStack || !parts_.stack.full();
  Flow* flow = host_side && room ? parts_.flows.Open(key, *host_side, parts_.loop.clock().Monotonic()) : nullptr;
  if (flow == nullptr) {
    Refuse(key, packet, Denied(v1::Verdict::REASON_LIMIT));
    return nullptr;
  }
  flow->handler = handler;
  SetVerdict(opening.verdict, *flow);
  if (handler == Handler::kDns) return flow;
  if (handler == Handler::kEcho && !StartEcho(*flow, packet)) return nullptr;
  const std::span<const DomainName> names = NamesToKeep(opening);
  flow->undecided = parts_.judge.Inspects(*flow);
  flow->names.assign(names.begin(), names.end());
  parts_.bindings.Use(key.remote.address, flow->names);
  if (parts_.audit.FlowOpened(*flow)) return flow;
  const Verdict unwritten = Denied(v1::Verdict::REASON_AUDIT_UNAVAILABLE);
  if (packet.is_tcp()) flow->tcp.OnGuestSegment(packet);  // what a reset has to answer
  parts_.ender.End(*flow, &unwritten);
  if (!packet.is_tcp()) parts_.rejecter.Reject(packet);  // End has reset TCP
  return nullptr;
}

bool FlowOpener::StartEcho(Flow& flow, const packet::Packet& packet) {
  const absl::Status status = parts_.echo.Open(flow);
  if (status.ok()) return true;
  parts_.flows.MarkEnded(flow, parts_.loop.clock().Monotonic());
  if (absl::IsPermissionDenied(status)) {
    Refuse(flow.guest_side, packet, Denied(v1::Verdict::REASON_UNSUPPORTED));
  } else if (absl::IsResourceExhausted(status)) {
    Refuse(flow.guest_side, packet, Denied(v1::Verdict::REASON_LIMIT));
  } else {
    parts_.rejecter.RejectUnreachable(packet);
  }
  return false;
}

std::optional<FlowKey> FlowOpener::GuestSideOf(const FlowKey& host_side, const PublishedPort& port) {
  FlowKey key = host_side;
  key.guest = {parts_.subnet.family(port.stack_guest.address).guest,
               static_cast<uint16_t>(port.mapping.guest_port())};
  const v1::AddressGroup group = parts_.groups.Classify(key.remote.address);
  const bool hosts_own = group == v1::ADDRESS_GROUP_HOST || group == v1::ADDRESS_GROUP_LOOPBACK;
  if (hosts_own) key.remote.address = parts_.subnet.family(key.remote.address).gateway;
  const auto is_free = [this, &key] {
    const Flow* other = parts_.flows.FindByGuestSide(key);
    return other == nullptr || other->ended;
  };
  if (is_free()) return key;
  // Peers on several of the host's addresses may use the same port.
  for (uint32_t substitute = kFirstSubstitutePort; hosts_own && substitute <= 0xffff; ++substitute) {
    key.remote.port = static_cast<uint16_t>(substitute);
    if (is_free()) return key;
  }
  return std::nullopt;
}

Flow* FlowOpener::Ingress(const FlowKey& host_side, const PublishedPort& port, const packet::Packet& packet) {
  const int socket = packet.is_tcp() ? parts_.ports.TakeAccepted(port, host_side.remote) : -1;
  const std::optional<FlowKey> guest_side = GuestSideOf(host_side, port);
  Verdict verdict = Denied(v1::Verdict::REASON_LIMIT);
  if (guest_side && !parts_.budget.spent_out()) verdict = parts_.judge.OfNew(v1::DIRECTION_INGRESS, *guest_side).verdict;
  Flow* flow = nullptr;
  if (verdict.allowed()) {
    flow = parts_.flows.Open(*guest_side, host_side, parts_.loop.clock().Monotonic());
    if (flow == nullptr) verdict = Denied(v1::Verdict::REASON_LIMIT);
  }
  if (flow == nullptr) {
    parts_.audit.FlowDenied(v1::DIRECTION_INGRESS, guest_side.value_or(host_side), verdict);
    RefusePeer(host_side, packet, socket);
    return nullptr;
  }
  flow->direction = v1::DIRECTION_INGRESS;
  if (socket >= 0) parts_.stack_port.Tie(*flow, socket);
  SetVerdict(verdict, *flow);
  if (parts_.audit.FlowOpened(*flow)) return flow;
  const Verdict unwritten = Denied(v1::Verdict::REASON_AUDIT_UNAVAILABLE);
  flow->tcp.OnRemoteSegment(packet);
  parts_.ender.End(*flow, &unwritten);
  return nullptr;
}

void FlowOpener::RefusePeer(const FlowKey& host_side, const packet::Packet& packet, int socket) {
  if (!packet.is_tcp()) return;
  if (socket >= 0) parts_.stack.Abort(socket);
  // The stack has sent a SYN: a RST that acknowledges it ends its connection.
  const packet::Addressing addressing{parts_.subnet.guest_mac, parts_.subnet.gateway_mac, host_side.guest,
                                      host_side.remote};
  const packet::TcpControl reset{0, packet.sequence + 1, packet::kRst | packet::kAck};
  std::array<uint8_t, packet::kMaxRejectSize> frame;
  const size_t size = packet::BuildTcpControl(addressing, reset, frame);
  parts_.stack_port.SendLater(parts_.loop, std::span(frame).first(size));
}

}  // namespace sluice
