#include "netsvc/policy/rule.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "netsvc/base/field_error.h"
#include "netsvc/policy/verdict.h"

namespace sluice::policy {
namespace {

constexpr size_t kMaxIdSize = 63;
constexpr uint32_t kMaxPort = 65'535;

std::string Element(absl::string_view list, int index) { return absl::StrCat(list, "[", index, "]"); }

absl::Status UnknownValue(absl::string_view field, int value) {
  return FieldError(field, absl::StrCat("unknown value ", value));
}

bool IsDefaultId(absl::string_view id) {
  return absl::ConsumePrefix(&id, "rule-") && !id.empty() && std::ranges::all_of(id, absl::ascii_isdigit);
}

absl::Status CheckId(absl::string_view id) {
  const auto allowed = [](unsigned char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; };
  if (id.size() > kMaxIdSize || !std::ranges::all_of(id, allowed)) {
    return FieldError("id", "must be 1 to 63 of a-z, 0-9 and '-'");
  }
  if (id == kPresetRuleId || id == kDefaultRuleId || IsDefaultId(id)) {
    return FieldError("id", absl::StrCat("\"", id, "\" is reserved"));
  }
  return absl::OkStatus();
}

absl::Status ParseGroup(v1::AddressGroup group, Rule& rule) {
  if (!v1::AddressGroup_IsValid(group)) return UnknownValue("group", group);
  if (group == v1::ADDRESS_GROUP_UNSPECIFIED) return FieldError("group", "a group is required");
  rule.groups.push_back(group);
  return absl::OkStatus();
}

absl::Status ParseCidr(absl::string_view text, Rule& rule) {
  const absl::StatusOr<IpPrefix> cidr = IpPrefix::Parse(text);
  if (!cidr.ok()) return FieldError("cidr", cidr.status().message());
  rule.cidrs.push_back(*cidr);
  return absl::OkStatus();
}

absl::Status ParseDomain(absl::string_view text, Rule& rule) {
  if (rule.direction == v1::DIRECTION_INGRESS) {
    return FieldError("domain", "names are resolved for egress only: use cidr or group in an ingress rule");
  }
  absl::StatusOr<DomainPattern> pattern = DomainPattern::Parse(text);
  if (!pattern.ok()) return FieldError("domain", pattern.status().message());
  rule.domains.push_back(*std::move(pattern));
  return absl::OkStatus();
}

absl::Status ParsePeer(const v1::Peer& peer, Rule& rule) {
  switch (peer.kind_case()) {
    case v1::Peer::kCidr:
      return ParseCidr(peer.cidr(), rule);
    case v1::Peer::kDomain:
      return ParseDomain(peer.domain(), rule);
    case v1::Peer::kGroup:
      return ParseGroup(peer.group(), rule);
    case v1::Peer::KIND_NOT_SET:
      break;
  }
  return FieldError("kind", "one of cidr, domain and group is required");
}

absl::StatusOr<ServiceRange> ParsePorts(const v1::PortRange& ports) {
  const uint32_t last = ports.last() == 0 ? ports.first() : ports.last();
  if (ports.first() < 1 || ports.first() > kMaxPort) return FieldError("first", "must be 1 to 65535");
  if (last > kMaxPort) return FieldError("last", "must be 1 to 65535, or 0 for the same as first");
  if (last < ports.first()) return FieldError("last", "must not be less than first");
  return ServiceRange{ports.first(), last};
}

struct Protocols {
  bool tcp = false;
  bool udp = false;
  bool icmp = false;
};

absl::StatusOr<Protocols> ParseProtocols(const v1::Rule& proto) {
  if (proto.protocols().empty()) return Protocols{true, true, true};
  Protocols protocols;
  for (int i = 0; i < proto.protocols_size(); ++i) {
    const v1::Protocol protocol = proto.protocols(i);
    const std::string field = Element("protocols", i);
    if (!v1::Protocol_IsValid(protocol)) return UnknownValue(field, protocol);
    if (protocol == v1::PROTOCOL_UNSPECIFIED) return FieldError(field, "a protocol is required");
    protocols.tcp |= protocol == v1::PROTOCOL_TCP;
    protocols.udp |= protocol == v1::PROTOCOL_UDP;
    protocols.icmp |= protocol == v1::PROTOCOL_ICMP;
  }
  return protocols;
}

absl::StatusOr<ServiceSet> ParseServices(const v1::Rule& proto) {
  const absl::StatusOr<Protocols> protocols = ParseProtocols(proto);
  if (!protocols.ok()) return protocols.status();
  std::vector<ServiceRange> ports;
  for (int i = 0; i < proto.ports_size(); ++i) {
    const absl::StatusOr<ServiceRange> range = ParsePorts(proto.ports(i));
    if (!range.ok()) return InField(Element("ports", i), range.status());
    ports.push_back(*range);
  }
  const bool any_port = ports.empty();
  if (any_port) ports.push_back({0, kMaxPort});
  if (!any_port && !protocols->tcp && !protocols->udp) {
    return FieldError("ports", "ICMP has no ports: the rule could never match");
  }
  std::vector<ServiceRange> ranges;
  for (const ServiceRange& range : ports) {
    if (protocols->tcp) ranges.push_back({kTcp + range.first, kTcp + range.last});
    if (protocols->udp) ranges.push_back({kUdp + range.first, kUdp + range.last});
  }
  if (any_port && protocols->icmp) ranges.push_back({kIcmp, kIcmp});
  const bool every_service = any_port && protocols->tcp && protocols->udp && protocols->icmp;
  if (proto.action() == v1::ACTION_ALLOW || every_service) ranges.push_back({kAnyService, kAnyService});
  return MakeServiceSet(std::move(ranges));
}

absl::Status CheckEnums(const v1::Rule& proto) {
  if (!v1::Action_IsValid(proto.action())) return UnknownValue("action", proto.action());
  if (proto.action() == v1::ACTION_UNSPECIFIED) return FieldError("action", "is required");
  if (!v1::Direction_IsValid(proto.direction())) return UnknownValue("direction", proto.direction());
  return absl::OkStatus();
}

absl::StatusOr<Rule> ParseRule(const v1::Rule& proto, int index) {
  if (const absl::Status status = CheckId(proto.id()); !status.ok()) return status;
  if (const absl::Status status = CheckEnums(proto); !status.ok()) return status;
  Rule rule;
  rule.id = proto.id().empty() ? absl::StrCat("rule-", index) : proto.id();
  rule.action = proto.action();
  if (proto.direction() == v1::DIRECTION_INGRESS) rule.direction = v1::DIRECTION_INGRESS;
  for (int i = 0; i < proto.peers_size(); ++i) {
    const absl::Status status = ParsePeer(proto.peers(i), rule);
    if (!status.ok()) return InField(Element("peers", i), status);
  }
  absl::StatusOr<ServiceSet> services = ParseServices(proto);
  if (!services.ok()) return services.status();
  rule.services = *std::move(services);
  return rule;
}

size_t PeerServices(const Rule& rule) {
  const size_t peers = rule.cidrs.size() + rule.groups.size() + rule.domains.size();
  return std::max<size_t>(peers, 1) * rule.services.size();
}

}  // namespace

absl::StatusOr<std::vector<Rule>> ParseRules(const RuleProtos& protos) {
  if (protos.size() > kMaxRules) {
    return FieldError("rules", absl::StrCat("at most ", kMaxRules, " rules, not ", protos.size()));
  }
  std::vector<Rule> rules;
  absl::flat_hash_set<absl::string_view> ids;
  size_t peer_services = 0;
  for (int i = 0; i < protos.size(); ++i) {
    const v1::Rule& proto = protos[i];
    absl::StatusOr<Rule> rule = ParseRule(proto, i);
    if (!rule.ok()) return InField(Element("rules", i), rule.status());
    if (!proto.id().empty() && !ids.insert(proto.id()).second) {
      return InField(Element("rules", i),
                     FieldError("id", absl::StrCat("\"", proto.id(), "\" is taken by another rule")));
    }
    peer_services += PeerServices(*rule);
    if (peer_services > kMaxPeerServices) {
      return FieldError(Element("rules", i), "the policy is too large: too many peers times ports up to this rule");
    }
    rules.push_back(*std::move(rule));
  }
  return rules;
}

}  // namespace sluice::policy
