#include "clients/cli/ocsf.h"

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/event_text.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

// Objects keep the order in which they are made: what matters stands first.
using Json = nlohmann::ordered_json;

enum Class { kBaseEvent = 0, kNetworkActivity = 4001, kDnsActivity = 4003 };
enum NetworkActivity { kOpen = 1, kClose = 2, kReset = 3, kRefuse = 5, kTraffic = 6 };  // kTraffic: of DNS too
constexpr int kOther = 99;
enum Severity { kInformational = 1, kLow = 2, kMedium = 3 };
enum Action { kAllowed = 1, kDenied = 2 };
enum Disposition { kPassed = 1, kBlocked = 2 };
enum Status { kSuccess = 1, kFailure = 2 };
enum Direction { kInbound = 1, kOutbound = 2 };

int64_t Milliseconds(absl::Time time) { return absl::ToUnixMillis(time); }

Json Metadata() {
  return {{"version", kOcsfVersion},
          {"product", {{"name", "Sluice"}, {"vendor_name", "Sluice"}}},
          {"profiles", {"security_control"}}};
}

Json Event(Class event_class, int activity, Severity severity, int64_t time) {
  return {{"time", time},
          {"class_uid", event_class},
          {"category_uid", event_class / 1000},
          {"activity_id", activity},
          {"type_uid", event_class * 100 + activity},
          {"severity_id", severity},
          {"metadata", Metadata()}};
}

Json Event(Class event_class, int activity, Severity severity, const v1::AuditEvent& event) {
  const EventText text = DescribeEvent(event);
  Json json = Event(event_class, activity, severity, Milliseconds(FromProto(event.time())));
  json["metadata"]["uid"] = absl::StrCat(event.sandbox_uid(), "-", event.sequence());
  json["metadata"]["sequence"] = event.sequence();
  json["metadata"]["log_name"] = event.sandbox_id();
  json["message"] = text.detail.empty() ? text.what : absl::StrCat(text.what, ": ", text.detail);
  return json;
}

Severity SeverityOf(const v1::Verdict& verdict) {
  if (verdict.reason() == v1::Verdict::REASON_AUDIT_UNAVAILABLE) return kMedium;
  return verdict.action() == v1::ACTION_DENY ? kLow : kInformational;
}

// The profile security_control, and the status that goes with it.
void AddVerdict(const v1::Verdict& verdict, uint64_t generation, const std::string& sandbox_uid, Json& json) {
  const bool denied = verdict.action() == v1::ACTION_DENY;
  json["action_id"] = denied ? kDenied : kAllowed;
  json["disposition_id"] = denied ? kBlocked : kPassed;
  json["status_id"] = denied ? kFailure : kSuccess;
  json["status_code"] = EnumWord(verdict.reason());
  json["firewall_rule"] = {{"uid", verdict.rule_id()}};
  json["policy"] = {{"uid", sandbox_uid}, {"version", absl::StrCat(generation)}};
}

int ProtocolNumber(v1::Protocol protocol, bool ipv6) {
  switch (protocol) {
    case v1::PROTOCOL_TCP:
      return 6;
    case v1::PROTOCOL_UDP:
      return 17;
    case v1::PROTOCOL_ICMP:
      return ipv6 ? 58 : 1;
    default:  // none that policy knows
      return -1;
  }
}

Json ConnectionInfo(v1::Protocol protocol, v1::Direction direction, const v1::Endpoint& guest) {
  const bool ipv6 = absl::StrContains(guest.address(), ':');
  Json info = {{"direction_id", direction == v1::DIRECTION_INGRESS ? kInbound : kOutbound},
               {"protocol_num", ProtocolNumber(protocol, ipv6)},
               {"protocol_ver_id", ipv6 ? 6 : 4}};
  if (protocol == v1::PROTOCOL_ICMP && ipv6) {
    info["protocol_name"] = "ipv6-icmp";  // as IANA calls it
  } else if (protocol != v1::PROTOCOL_UNSPECIFIED) {
    info["protocol_name"] = EnumWord(protocol);
  }
  return info;
}

Json EndpointOf(const v1::Endpoint& endpoint) {
  Json json = {{"ip", endpoint.address()}};
  if (endpoint.port() != 0) json["port"] = endpoint.port();
  return json;
}

Json GuestOf(const v1::Endpoint& endpoint, const v1::AuditEvent& event) {
  Json json = EndpointOf(endpoint);
  json["uid"] = event.sandbox_uid();
  json["name"] = event.sandbox_id();
  return json;
}

Json RemoteOf(const v1::FlowEvent& flow) {
  Json json = EndpointOf(flow.remote());
  if (!flow.server_name().empty()) {
    json["hostname"] = flow.server_name();
  } else if (!flow.domains().empty()) {
    json["hostname"] = flow.domains(0);
  }
  return json;
}

int ActivityOf(const v1::FlowEvent& flow) {
  switch (flow.phase()) {
    case v1::FlowEvent::PHASE_OPENED:
      return kOpen;
    case v1::FlowEvent::PHASE_CLOSED:
      break;
    case v1::FlowEvent::PHASE_DENIED:
      return kRefuse;
    case v1::FlowEvent::PHASE_PROGRESS:
      return kTraffic;
    default:  // a phase that this client does not know
      return kOther;
  }
  const bool in_peace = flow.end_cause() == v1::FlowEvent::END_CAUSE_FINISHED ||
                        flow.end_cause() == v1::FlowEvent::END_CAUSE_IDLE;
  return in_peace ? kClose : kReset;
}

// What was carried, from the side that opened the flow.
void AddTraffic(const v1::FlowEvent& flow, const v1::AuditEvent& event, Json& json) {
  const bool ingress = flow.direction() == v1::DIRECTION_INGRESS;
  json["traffic"] = {{"bytes", flow.bytes_to_remote() + flow.bytes_to_guest()},
                     {"bytes_out", ingress ? flow.bytes_to_guest() : flow.bytes_to_remote()},
                     {"bytes_in", ingress ? flow.bytes_to_remote() : flow.bytes_to_guest()}};
  const absl::Duration duration = FromProto(flow.duration());
  json["duration"] = absl::ToInt64Milliseconds(duration);
  json["start_time"] = Milliseconds(FromProto(event.time()) - duration);
}

Json FlowObject(const v1::AuditEvent& event) {
  const v1::FlowEvent& flow = event.flow();
  Json json = Event(kNetworkActivity, ActivityOf(flow), SeverityOf(flow.verdict()), event);
  AddVerdict(flow.verdict(), event.policy_generation(), event.sandbox_uid(), json);
  const bool ingress = flow.direction() == v1::DIRECTION_INGRESS;
  json["src_endpoint"] = ingress ? RemoteOf(flow) : GuestOf(flow.guest(), event);
  json["dst_endpoint"] = ingress ? GuestOf(flow.guest(), event) : RemoteOf(flow);
  json["connection_info"] = ConnectionInfo(flow.protocol(), flow.direction(), flow.guest());
  if (flow.flow_id() != 0) json["connection_info"]["uid"] = absl::StrCat(event.sandbox_uid(), "-flow-", flow.flow_id());
  json["count"] = flow.count();
  if (flow.has_duration()) AddTraffic(flow, event, json);
  if (!flow.domains().empty()) {
    json["unmapped"]["domains"] = std::vector<std::string>(flow.domains().begin(), flow.domains().end());
  }
  if (flow.end_cause() != v1::FlowEvent::END_CAUSE_UNSPECIFIED) {
    json["unmapped"]["end_cause"] = EnumWord(flow.end_cause());
  }
  return json;
}

// The schema's number, and its own words for it; a code that we never answer with is
// another, in ours.
struct ResponseCode {
  int id;
  std::string caption;
};
ResponseCode ToResponseCode(const std::string& code) {
  static const auto& codes = *new std::map<std::string, ResponseCode>{
      {"NOERROR", {0, "NoError"}},   {"FORMERR", {1, "FormError"}}, {"SERVFAIL", {2, "ServError"}},
      {"NXDOMAIN", {3, "NXDomain"}}, {"NOTIMP", {4, "NotImp"}},     {"REFUSED", {5, "Refused"}}};
  const auto found = codes.find(code);
  return found == codes.end() ? ResponseCode{kOther, code} : found->second;
}

Json Answers(const v1::DnsEvent& dns) {
  Json answers = Json::array();
  for (const std::string& address : dns.addresses()) {
    Json answer = {{"rdata", address}, {"type", absl::StrContains(address, ':') ? "AAAA" : "A"}, {"class", "IN"}};
    if (dns.has_ttl()) answer["ttl"] = dns.ttl().seconds();
    answers.push_back(std::move(answer));
  }
  return answers;
}

Json DnsObject(const v1::AuditEvent& event) {
  const v1::DnsEvent& dns = event.dns();
  Json json = Event(kDnsActivity, kTraffic, SeverityOf(dns.verdict()), event);
  AddVerdict(dns.verdict(), event.policy_generation(), event.sandbox_uid(), json);
  json["query"] = {{"hostname", dns.name()}, {"type", dns.type()}, {"class", "IN"}};
  const ResponseCode code = ToResponseCode(dns.response_code());
  json["rcode"] = code.caption;
  json["rcode_id"] = code.id;
  if (!dns.addresses().empty()) json["answers"] = Answers(dns);
  json["src_endpoint"] = {{"uid", event.sandbox_uid()}, {"name", event.sandbox_id()}};
  json["dst_endpoint"] = EndpointOf(dns.resolver());
  json["connection_info"] = ConnectionInfo(dns.transport(), v1::DIRECTION_EGRESS, dns.resolver());
  const absl::Time answered = FromProto(event.time());
  json["query_time"] = Milliseconds(answered - FromProto(dns.latency()));
  json["response_time"] = Milliseconds(answered);
  if (dns.count() > 1) json["count"] = dns.count();
  if (dns.from_cache()) json["unmapped"]["from_cache"] = true;
  return json;
}

std::string KindOf(const v1::AuditEvent& event) {
  switch (event.event_case()) {
    case v1::AuditEvent::kPort:
      return "port";
    case v1::AuditEvent::kPolicy:
      return "policy";
    case v1::AuditEvent::kLifecycle:
      return "lifecycle";
    default:  // a kind that this client does not know; flows and queries are objects of their own
      return "unknown";
  }
}

// Every field, in the API's own JSON.
Json OtherObject(const v1::AuditEvent& event) {
  Json json = Event(kBaseEvent, kOther, kInformational, event);
  json["activity_name"] = KindOf(event);
  json["unmapped"] = Json::parse(JsonLine(event));
  return json;
}

std::string Line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string OcsfLine(const v1::AuditEvent& event) {
  if (event.has_flow()) return Line(FlowObject(event));
  if (event.has_dns()) return Line(DnsObject(event));
  return Line(OtherObject(event));
}

std::string OcsfLine(const v1::LostEvents& lost, absl::Time now) {
  Json json = Event(kBaseEvent, kOther, kMedium, Milliseconds(now));
  json["activity_name"] = "lost";
  json["metadata"]["log_name"] = lost.sandbox_id();
  json["message"] = absl::StrCat("events ", lost.first_sequence(), " to ", lost.last_sequence(), " are gone");
  json["unmapped"] = Json::parse(JsonLine(lost));
  return Line(json);
}

}  // namespace sluice::cli
