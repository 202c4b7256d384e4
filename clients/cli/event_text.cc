#include "clients/cli/event_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/text.h"
#include "clients/cpp/port_syntax.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

using client::PortMappingText;

std::string EndpointText(const v1::Endpoint& endpoint, v1::Protocol protocol) {
  // The "port" of an echo is its identifier, which tells a reader nothing.
  if (protocol == v1::PROTOCOL_ICMP) return endpoint.address();
  if (!absl::StrContains(endpoint.address(), ':'))
    return absl::StrCat(endpoint.address(), ":", endpoint.port());
  return absl::StrCat("[", endpoint.address(), "]:", endpoint.port());
}

std::string WhyText(const v1::Verdict& verdict) {
  if (verdict.reason() == v1::Verdict::REASON_UNSPECIFIED || verdict.reason() == v1::Verdict::REASON_RULE) {
    return verdict.rule_id();
  }
  const std::string reason = EnumWord(verdict.reason());
  if (verdict.rule_id().empty() || verdict.rule_id() == reason) return reason;
  return absl::StrCat(reason, " ", verdict.rule_id());
}

// The name that the guest said it wants, else one that leads to the address.
std::string FlowName(const v1::FlowEvent& flow) {
  if (!flow.server_name().empty()) return absl::StrCat(" ", flow.server_name());
  if (flow.domains().empty()) return "";
  if (flow.domains_size() == 1) return absl::StrCat(" ", flow.domains(0));
  return absl::StrCat(" ", flow.domains(0), " +", flow.domains_size() - 1);
}

std::string FlowWhat(const v1::FlowEvent& flow) {
  const bool ingress = flow.direction() == v1::DIRECTION_INGRESS;
  return absl::StrCat(EnumWord(flow.protocol()), " ", EndpointText(flow.guest(), flow.protocol()),
                      ingress ? " <- " : " -> ", EndpointText(flow.remote(), flow.protocol()),
                      FlowName(flow));
}

std::string TrafficText(const v1::FlowEvent& flow) {
  return absl::StrCat(BytesText(flow.bytes_to_remote()), " out, ", BytesText(flow.bytes_to_guest()), " in, ",
                      DurationText(FromProto(flow.duration())));
}

std::string EndText(v1::FlowEvent::EndCause cause) {
  switch (cause) {
    case v1::FlowEvent::END_CAUSE_RESET_BY_GUEST:
      return "reset by guest";
    case v1::FlowEvent::END_CAUSE_RESET_BY_REMOTE:
      return "reset by remote";
    case v1::FlowEvent::END_CAUSE_IDLE:
      return "idle";
    case v1::FlowEvent::END_CAUSE_ENDED:
      return "ended by sluice";
    default:  // finished, or a cause that this client does not know
      return "closed";
  }
}

std::string FlowDetail(const v1::FlowEvent& flow) {
  switch (flow.phase()) {
    case v1::FlowEvent::PHASE_OPENED:
      return "opened";
    case v1::FlowEvent::PHASE_CLOSED:
      return absl::StrCat(EndText(flow.end_cause()), ", ", TrafficText(flow));
    case v1::FlowEvent::PHASE_DENIED:
      return flow.count() > 1 ? absl::StrCat(flow.count(), " times") : "";
    case v1::FlowEvent::PHASE_PROGRESS:
      return absl::StrCat("open, ", TrafficText(flow));
    default:  // a phase that this client does not know
      return EnumWord(flow.phase());
  }
}

EventText DescribeFlow(const v1::FlowEvent& flow) {
  return {.verdict = flow.verdict().action(),
          .what = FlowWhat(flow),
          .why = WhyText(flow.verdict()),
          .detail = FlowDetail(flow)};
}

std::string DnsDetail(const v1::DnsEvent& dns) {
  if (dns.count() > 1) return absl::StrCat(dns.count(), " times");
  if (dns.from_cache()) return "cached";
  return dns.has_latency() ? DurationText(FromProto(dns.latency())) : "";
}

EventText DescribeDns(const v1::DnsEvent& dns) {
  std::string answer = absl::StrJoin(dns.addresses(), ", ");
  if (dns.response_code() != "NOERROR") {
    answer = dns.response_code();
  } else if (answer.empty()) {
    answer = "no address";
  }
  return {.verdict = dns.verdict().action(),
          .what = absl::StrCat("dns ", dns.type(), " ", dns.name(), " -> ", answer),
          .why = WhyText(dns.verdict()),
          .detail = DnsDetail(dns)};
}

std::string RulesText(int count) { return absl::StrCat(count, count == 1 ? " rule" : " rules"); }

EventText DescribePolicy(const v1::AuditEvent& event) {
  const v1::PolicyEvent& policy = event.policy();
  EventText text{.what = absl::StrCat("policy ", EnumWord(policy.policy().preset()), ", generation ",
                                      event.policy_generation()),
                 .detail = RulesText(policy.policy().rules_size())};
  if (policy.floor_size() > 0) absl::StrAppend(&text.detail, " behind ", RulesText(policy.floor_size()), " of the operator");
  if (policy.flows_closed() > 0) absl::StrAppend(&text.detail, ", ", policy.flows_closed(), " flows ended");
  return text;
}

EventText Describe(const v1::AuditEvent& event) {
  switch (event.event_case()) {
    case v1::AuditEvent::kFlow:
      return DescribeFlow(event.flow());
    case v1::AuditEvent::kDns:
      return DescribeDns(event.dns());
    case v1::AuditEvent::kPort:
      return {.what = absl::StrCat("port ", PortMappingText(event.port().port())),
              .detail = event.port().published() ? "published" : "unpublished"};
    case v1::AuditEvent::kPolicy:
      return DescribePolicy(event);
    case v1::AuditEvent::kLifecycle:
      return {.what = absl::StrCat("sandbox ", EnumWord(event.lifecycle().state())),
              .detail = event.lifecycle().message()};
    case v1::AuditEvent::EVENT_NOT_SET:
      return {.what = "an event of a kind that this client does not know"};
  }
  return {};
}

}  // namespace

EventText DescribeEvent(const v1::AuditEvent& event) {
  EventText text = Describe(event);
  text.what = Printable(text.what);
  text.why = Printable(text.why);
  text.detail = Printable(text.detail);
  return text;
}

}  // namespace sluice::cli
