#include "clients/cpp/peer_syntax.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "clients/cpp/port_syntax.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_prefix.h"
#include "protos/text/enum_words.h"

namespace sluice::client {
namespace {

// The three parts of PEER[:PORTS][/PROTOCOL]; what is absent is empty.
struct RuleParts {
  absl::string_view peer;
  absl::string_view ports;
  absl::string_view protocol;
};

// "/tcp" is a protocol, "/8" belongs to the prefix.
absl::string_view TakeProtocol(absl::string_view& text) {
  const size_t slash = text.rfind('/');
  if (slash == text.npos || slash + 1 == text.size() || !absl::ascii_isalpha(text[slash + 1])) return {};
  const absl::string_view protocol = text.substr(slash + 1);
  text = text.substr(0, slash);
  return protocol;
}

absl::StatusOr<RuleParts> Split(absl::string_view text) {
  RuleParts parts;
  parts.protocol = TakeProtocol(text);
  size_t end = text.size();
  if (absl::StartsWith(text, "[")) {
    end = text.find(']');
    if (end == text.npos) return absl::InvalidArgumentError("'[' without ']'");
    parts.peer = text.substr(1, end - 1);
    ++end;
  } else {
    // Several colons: an IPv6 address, whole.
    if (std::count(text.begin(), text.end(), ':') == 1) end = text.find(':');
    parts.peer = text.substr(0, end);
  }
  absl::string_view rest = text.substr(end);
  if (rest.empty()) return parts;
  if (rest.size() == 1 || rest[0] != ':') {
    return absl::InvalidArgumentError("after the peer comes :PORT, as in [2001:db8::/32]:443");
  }
  parts.ports = rest.substr(1);
  return parts;
}

absl::Status AddPeer(absl::string_view peer, v1::Rule& rule) {
  if (peer.empty()) return absl::InvalidArgumentError("the peer is missing; \"any\" means every one");
  if (absl::EqualsIgnoreCase(peer, "any")) return absl::OkStatus();
  if (const std::optional<v1::AddressGroup> group = ParseEnumWord<v1::AddressGroup>(peer)) {
    rule.add_peers()->set_group(*group);
    return absl::OkStatus();
  }
  const bool numeric = peer.find_first_not_of("0123456789.") == peer.npos;
  if (numeric || peer.find_first_of(":/") != peer.npos) {
    if (const auto prefix = IpPrefix::Parse(peer); !prefix.ok()) return prefix.status();
    rule.add_peers()->set_cidr(std::string(peer));
    return absl::OkStatus();
  }
  if (const auto pattern = DomainPattern::Parse(peer); !pattern.ok()) return pattern.status();
  rule.add_peers()->set_domain(std::string(peer));
  return absl::OkStatus();
}

absl::Status AddPorts(absl::string_view ports, v1::Rule& rule) {
  if (ports.empty()) return absl::OkStatus();
  for (const absl::string_view range : absl::StrSplit(ports, ',')) {
    const std::pair<absl::string_view, absl::string_view> ends =
        absl::StrSplit(range, absl::MaxSplits('-', 1));
    const std::optional<uint16_t> first = ParsePort(ends.first);
    const std::optional<uint16_t> last = absl::StrContains(range, '-') ? ParsePort(ends.second) : first;
    if (!first || !last || *first == 0 || *last < *first) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", range, "\" is not a port (1 to 65535) or a range such as 8000-8100"));
    }
    v1::PortRange& added = *rule.add_ports();
    added.set_first(*first);
    if (*last != *first) added.set_last(*last);
  }
  return absl::OkStatus();
}

absl::Status AddProtocol(absl::string_view word, v1::Rule& rule) {
  if (word.empty()) return absl::OkStatus();
  const std::optional<v1::Protocol> protocol = ParseEnumWord<v1::Protocol>(word);
  if (!protocol) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", word, "\" is not a protocol: ", EnumWords<v1::Protocol>()));
  }
  if (*protocol == v1::PROTOCOL_ICMP && rule.ports_size() > 0) {
    return absl::InvalidArgumentError("icmp has no ports");
  }
  rule.add_protocols(*protocol);
  return absl::OkStatus();
}

absl::Status FillRule(absl::string_view text, v1::Rule& rule) {
  const absl::StatusOr<RuleParts> parts = Split(text);
  if (!parts.ok()) return parts.status();
  if (const absl::Status status = AddPeer(parts->peer, rule); !status.ok()) return status;
  if (const absl::Status status = AddPorts(parts->ports, rule); !status.ok()) return status;
  return AddProtocol(parts->protocol, rule);
}

std::string PeerText(const v1::Peer& peer, bool has_ports) {
  switch (peer.kind_case()) {
    case v1::Peer::kCidr:
      return has_ports && absl::StrContains(peer.cidr(), ':') ? absl::StrCat("[", peer.cidr(), "]")
                                                              : peer.cidr();
    case v1::Peer::kDomain:
      return peer.domain();
    case v1::Peer::kGroup:
      return EnumWord(peer.group());
    case v1::Peer::KIND_NOT_SET:
      return "?";
  }
  return "?";
}

std::string PortsText(const v1::Rule& rule) {
  return absl::StrJoin(rule.ports(), ",", [](std::string* out, const v1::PortRange& range) {
    absl::StrAppend(out, range.first());
    if (range.last() > range.first()) absl::StrAppend(out, "-", range.last());
  });
}

}  // namespace

absl::StatusOr<v1::Rule> ParseRule(v1::Action action, absl::string_view text) {
  v1::Rule rule;
  rule.set_action(action);
  const absl::Status status = FillRule(text, rule);
  if (!status.ok()) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": ", status.message()));
  return rule;
}

std::string RuleText(const v1::Rule& rule) {
  const std::string ports = PortsText(rule);
  std::vector<std::string> peers;
  for (const v1::Peer& peer : rule.peers()) peers.push_back(PeerText(peer, !ports.empty()));
  std::vector<std::string> protocols;
  for (const int protocol : rule.protocols())
    protocols.push_back(EnumWord(static_cast<v1::Protocol>(protocol)));
  std::string text = absl::StrCat(EnumWord(rule.action()), " ");
  if (rule.direction() == v1::DIRECTION_INGRESS) absl::StrAppend(&text, "ingress ");
  absl::StrAppend(&text, peers.empty() ? "any" : absl::StrJoin(peers, ","));
  if (!ports.empty()) absl::StrAppend(&text, ":", ports);
  if (!protocols.empty()) absl::StrAppend(&text, "/", absl::StrJoin(protocols, ","));
  return text;
}

}  // namespace sluice::client
