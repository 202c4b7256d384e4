#include "clients/cli/flow_words.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/text.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_address.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Printable(text), "\""); }

absl::Status ParseEndpoint(absl::string_view remote, v1::EvaluatePolicyRequest& request) {
  const std::optional<Endpoint> endpoint = Endpoint::Parse(remote);
  if (!endpoint || endpoint->port == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        Quoted(remote), " is no ADDRESS:PORT, such as 10.1.2.3:443 or [2001:db8::1]:443 (--name NAME adds a name)"));
  }
  request.set_remote_address(endpoint->address.ToString());
  request.set_port(endpoint->port);
  return absl::OkStatus();
}

std::string RemoteText(const v1::EvaluatePolicyRequest& request) {
  const std::optional<IpAddress> address = IpAddress::Parse(request.remote_address());
  if (!address || request.protocol() == v1::PROTOCOL_ICMP) return request.remote_address();
  return Endpoint{*address, static_cast<uint16_t>(request.port())}.ToString();
}

std::string WhatText(const v1::EvaluatePolicyRequest& request, v1::AddressGroup group) {
  const std::string name = Printable(request.remote_domain());
  if (request.remote_address().empty()) return absl::StrCat("the name ", name);
  const std::string kind = absl::StrCat(EnumWord(request.protocol()), " ");
  const std::string in_group = absl::StrCat(" (", EnumWord(group), ")");
  if (request.direction() == v1::DIRECTION_INGRESS) {
    return absl::StrCat(kind, "from ", request.remote_address(), in_group,
                        request.port() == 0 ? "" : absl::StrCat(" to the guest's port ", request.port()));
  }
  return absl::StrCat(kind, "to ", RemoteText(request), in_group, name.empty() ? "" : absl::StrCat(" as ", name));
}

std::string WhyText(const v1::Verdict& verdict) {
  switch (verdict.reason()) {
    case v1::Verdict::REASON_RULE:
      return absl::StrCat("by rule ", Quoted(verdict.rule_id()));
    case v1::Verdict::REASON_PRESET:
      return "by the preset";
    case v1::Verdict::REASON_DEFAULT:
      return "by the preset's default: no rule speaks of it";
    case v1::Verdict::REASON_CONTROL_PLANE:
      return "whatever the policy: the server itself listens there";
    case v1::Verdict::REASON_DNS_BLOCKED:
      return "for the name is on the sandbox's block list";
    case v1::Verdict::REASON_NOT_RESOLVED:
      return "for the sandbox has not resolved a name to that address";
    default:
      return absl::StrCat("for the reason ", EnumWord(verdict.reason()));
  }
}

}  // namespace

absl::Status ParseFlowWords(absl::string_view kind, absl::string_view remote, v1::EvaluatePolicyRequest& request) {
  if (absl::AsciiStrToLower(kind) == "name") {
    request.set_remote_domain(std::string(remote));
    return absl::OkStatus();
  }
  const std::optional<v1::Protocol> protocol = ParseEnumWord<v1::Protocol>(kind);
  if (!protocol) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(kind), " is not one of ", EnumWords<v1::Protocol>(), ", name"));
  }
  request.set_protocol(*protocol);
  if (*protocol != v1::PROTOCOL_ICMP) return ParseEndpoint(remote, request);
  if (!IpAddress::Parse(remote)) return absl::InvalidArgumentError(absl::StrCat(Quoted(remote), " is no address"));
  request.set_remote_address(std::string(remote));
  return absl::OkStatus();
}

std::string VerdictSentence(const v1::EvaluatePolicyRequest& request, const v1::EvaluatePolicyResponse& response) {
  const bool allowed = response.verdict().action() == v1::ACTION_ALLOW;
  return absl::StrCat(allowed ? "allowed: " : "denied: ", WhatText(request, response.remote_group()), ", ",
                      WhyText(response.verdict()));
}

}  // namespace sluice::cli
