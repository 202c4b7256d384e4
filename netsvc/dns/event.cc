#include "netsvc/dns/event.h"

#include <google/protobuf/util/time_util.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {
namespace {

using google::protobuf::util::TimeUtil;

uint16_t CodeOf(v1::Verdict::Reason reason) {
  switch (reason) {
    case v1::Verdict::REASON_DNS_BLOCKED:
    case v1::Verdict::REASON_DNS_REBINDING:
      return kBlocked;
    case v1::Verdict::REASON_RULE:
    case v1::Verdict::REASON_PRESET:
    case v1::Verdict::REASON_DEFAULT:
      return kFiltered;
    case v1::Verdict::REASON_DNS_BUDGET:
      return kProhibited;
    default:
      return kOtherError;
  }
}

}  // namespace

v1::DnsEvent ToEvent(const Asked& asked, const GuestQuery& query, const Outcome& outcome, absl::Duration latency) {
  v1::DnsEvent event;
  if (query.question) {
    event.set_name(query.name.ToString());
    event.set_type(TypeName(query.question->type));
  }
  event.set_transport(asked.transport);
  event.mutable_resolver()->set_address(asked.resolver.address.ToString());
  event.mutable_resolver()->set_port(asked.resolver.port);
  if (outcome.rcode) event.set_response_code(RcodeName(*outcome.rcode));
  for (const IpAddress& address : outcome.addresses) event.add_addresses(address.ToString());
  *event.mutable_verdict() = outcome.verdict.ToProto();
  *event.mutable_latency() = TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(latency));
  event.set_count(1);
  if (!outcome.addresses.empty()) *event.mutable_ttl() = TimeUtil::SecondsToDuration(absl::ToInt64Seconds(outcome.ttl));
  return event;
}

ExtendedError ErrorOf(const policy::Verdict& verdict) {
  const std::string& name = v1::Verdict::Reason_Name(verdict.reason);
  std::string text(absl::StripPrefix(name, "REASON_"));
  if (verdict.reason == v1::Verdict::REASON_RULE) absl::StrAppend(&text, " ", verdict.rule_id);
  return {.code = CodeOf(verdict.reason), .text = std::move(text)};
}

}  // namespace sluice::dns
