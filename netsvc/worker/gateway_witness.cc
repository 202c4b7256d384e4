#include "netsvc/worker/gateway_witness.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "netsvc/packet/test_frames.h"

namespace sluice {
namespace {

using flow::FlowKey;
using packet::Packet;

constexpr uint16_t kControlPlanePort = 50051;  // of GatewayFixture
constexpr absl::Duration kBindingLife = absl::Hours(24 * 365);

Endpoint FromProto(const v1::Endpoint& endpoint) {
  return {IpAddress::Parse(endpoint.address()).value(), static_cast<uint16_t>(endpoint.port())};
}

FlowKey KeyOf(const v1::FlowEvent& event) {
  return {event.protocol(), FromProto(event.guest()), FromProto(event.remote())};
}

std::string Describe(const FlowKey& key) {
  return absl::StrCat(v1::Protocol_Name(key.protocol), " ", key.guest.ToString(), " to ", key.remote.ToString());
}

bool IsLoopback(const IpAddress& address) {
  return address == IpAddress::V4(INADDR_LOOPBACK) || address == IpAddress::V6(in6addr_loopback);
}

}  // namespace

GatewayWitness::GatewayWitness(const v1::NetworkPolicy& policy)
    : reader_(UniqueFd(open(log_path_.c_str(), O_RDONLY | O_DIRECTORY)), {}) {
  stack_.on_input = [this](std::span<uint8_t> frame) { OnInput(frame); };
  ChangePolicy(policy);
}

GatewayWitness::~GatewayWitness() {
  stack_.on_input = nullptr;
  std::filesystem::remove_all(log_path_);
}

void GatewayWitness::ChangePolicy(const v1::NetworkPolicy& policy) {
  SetPolicy(policy.DebugString());
  evaluator_ = std::make_unique<policy::LinearEvaluator>(policy);
  gateway_->OnPolicyChanged();
  loop_.RunUntilIdle();
}

void GatewayWitness::Bind(const DomainName& name, const IpAddress& address) {
  names_[address].push_back(name);
  bindings_.Bind(name, {&address, 1}, kBindingLife);
}

void GatewayWitness::Send(std::span<uint8_t> frame, const packet::Offload& offload) {
  ++counters_.sent;
  gateway_->FromGuest({.bytes = frame, .offload = offload});
  loop_.RunUntilIdle();
  to_guest_.clear();
  stack_.frames.clear();
}

void GatewayWitness::AnswerLast() {
  Packet packet;
  if (last_out_.empty() || packet::Parse(last_out_, packet) != packet::ParseError::kNone || !packet.is_tcp()) return;
  std::array<uint8_t, 128> frame;
  const packet::Addressing back{subnet_.gateway_mac, subnet_.guest_mac, packet.destination_endpoint(),
                                packet.source_endpoint()};
  const packet::TcpControl control{5000, packet.sequence + 1, packet::kSyn | packet::kAck};
  const size_t size = packet::BuildTcpControl(back, control, frame);
  stack_.delegate().OnFrame(std::span(frame).first(size));
  loop_.RunUntilIdle();
}

void GatewayWitness::OnInput(std::span<uint8_t> frame) {
  if (!problem_.empty()) return;
  Packet packet;
  if (packet::Parse(frame, packet) != packet::ParseError::kNone) {
    problem_ = "a frame that does not parse";
  } else if (packet.source_mac != subnet_.guest_mac) {
    problem_ = "a frame of another source";
  } else if (packet.ether_type != packet::kEtherTypeArp && !packet::ChecksumsAreRight(packet.frame)) {
    problem_ = "a frame with a wrong checksum";
  } else {
    problem_ = ProblemWith(packet);
  }
}

bool GatewayWitness::IsLinkService(const Packet& packet) const {
  if (packet.ether_type == packet::kEtherTypeArp) return true;
  if (packet.protocol == packet::kIcmpv6) return packet.icmp_type >= 133 && packet.icmp_type <= 136;
  if (!packet.is_udp()) return false;
  const bool dhcp = packet.destination_port == 67 && (packet.destination == IpAddress::V4(INADDR_BROADCAST) ||
                                                      packet.destination == subnet_.ipv4.gateway);
  return dhcp || (packet.destination_port == 547 && packet.destination == packet::Ip("ff02::1:2"));
}

std::string GatewayWitness::ProblemWith(const Packet& packet) {
  if (IsLinkService(packet)) return "";
  if (!packet.is_tcp() && !packet.is_udp()) return absl::StrCat("IP protocol ", packet.protocol);
  const FlowKey key = KeyFromGuest(packet);
  // Queries inside are judged by themselves.
  if (key.remote == subnet_.dns_service && key.guest.address == subnet_.dns_client) return "";
  if (packet.is_udp() && key.remote.port == 53) return "a DNS query that nobody looked at";
  ++counters_.passed_on;
  ReadLog();
  last_out_.assign(packet.frame.begin(), packet.frame.end());
  const bool only_ends = packet.is_tcp() && (packet.tcp_flags & packet::kRst);
  const auto is_right = [&](const FlowKey& side) {
    return only_ends ? ever_open_.contains(side) : open_.contains(side) && Allows(side);
  };
  const std::vector<FlowKey> sides = GuestSides(key);
  if (std::ranges::any_of(sides, is_right)) return "";
  return absl::StrCat(Describe(key), std::ranges::any_of(sides, [&](const FlowKey& side) { return Allows(side); })
                                         ? ", which the log does not tell of"
                                         : ", which is denied");
}

std::vector<FlowKey> GatewayWitness::GuestSides(const FlowKey& key) const {
  std::vector<FlowKey> sides = {key};
  if (!IsLoopback(key.remote.address)) return sides;
  const Subnet::Family& family = subnet_.family(key.remote.address);
  for (const IpAddress& alias : {family.gateway, family.dns}) {
    sides.push_back({key.protocol, key.guest, {alias, key.remote.port}});
  }
  return sides;
}

bool GatewayWitness::Allows(const FlowKey& key) const {
  const policy::AddressTraits traits = groups_.Inspect(key.remote.address);
  const bool host = traits.group == v1::ADDRESS_GROUP_HOST || traits.group == v1::ADDRESS_GROUP_LOOPBACK ||
                    traits.unwrapped.IsUnspecified();
  if (key.protocol == v1::PROTOCOL_TCP && key.remote.port == kControlPlanePort && host) return false;
  const auto names = names_.find(key.remote.address);
  policy::FlowQuery query{.direction = v1::DIRECTION_EGRESS,
                          .protocol = key.protocol,
                          .remote = key.remote.address,
                          .port = key.remote.port,
                          .names = {}};
  // Names that a policy since denied are forgotten, but flows keep theirs.
  const std::vector<DomainName> live = bindings_.NamesOf(key.remote.address).live;
  query.names = live;
  if (evaluator_->Evaluate(query, groups_).allowed()) return true;
  if (names == names_.end()) return false;
  query.names = names->second;
  return evaluator_->Evaluate(query, groups_).allowed();
}

void GatewayWitness::ReadLog() {
  while (true) {
    const absl::StatusOr<audit::LogItem> item = reader_.Next();
    if (!item.ok() || !std::holds_alternative<v1::AuditEvent>(*item)) return;
    const v1::AuditEvent& event = std::get<v1::AuditEvent>(*item);
    if (event.has_flow()) OnFlowEvent(event.flow());
  }
}

void GatewayWitness::OnFlowEvent(const v1::FlowEvent& event) {
  const FlowKey key = KeyOf(event);
  if (event.phase() == v1::FlowEvent::PHASE_CLOSED) open_.erase(key);
  if (event.phase() != v1::FlowEvent::PHASE_OPENED) return;
  ++counters_.opened;
  open_.insert(key);
  ever_open_.insert(key);
}

}  // namespace sluice
