#include "server/core/network_validation.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/field_error.h"
#include "netsvc/policy/compiled_policy.h"
#include "server/core/audit_retention.h"
#include "server/core/field_checks.h"
#include "server/core/interface_plan.h"
#include "server/core/nameserver.h"
#include "server/core/port_validation.h"

namespace sluice {
namespace {

constexpr absl::Duration kDefaultQueryTimeout = absl::Seconds(2);
constexpr absl::Duration kMaxQueryTimeout = absl::Seconds(30);
constexpr size_t kMaxBlockListName = 63;

using Strings = google::protobuf::RepeatedPtrField<std::string>;

void FillPolicyDefaults(v1::NetworkPolicy& policy) {
  if (policy.deny_response() == v1::DENY_RESPONSE_UNSPECIFIED) policy.set_deny_response(v1::DENY_RESPONSE_REJECT);
  for (v1::Rule& rule : *policy.mutable_rules()) {
    if (rule.direction() == v1::DIRECTION_UNSPECIFIED) rule.set_direction(v1::DIRECTION_EGRESS);
    for (v1::PortRange& range : *rule.mutable_ports()) {
      if (range.last() == 0) range.set_last(range.first());
    }
  }
}

absl::Status CheckDomains(absl::string_view field, const Strings& domains, int most) {
  if (domains.size() > most) return FieldError(field, absl::StrCat("has more than ", most, " domains"));
  for (int i = 0; i < domains.size(); ++i) {
    const absl::StatusOr<DomainPattern> pattern = DomainPattern::Parse(domains[i]);
    if (!pattern.ok()) return FieldError(absl::StrCat(field, "[", i, "]"), pattern.status().message());
  }
  return absl::OkStatus();
}

absl::Status CheckNameservers(absl::string_view field, const Strings& nameservers) {
  if (nameservers.size() > kMaxNameservers) {
    return FieldError(field, absl::StrCat("has more than ", kMaxNameservers, " name servers"));
  }
  for (int i = 0; i < nameservers.size(); ++i) {
    if (!ParseNameserver(nameservers[i])) {
      return FieldError(absl::StrCat(field, "[", i, "]"), "must be an address, or an address and a port like 1.1.1.1:53");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBlockLists(absl::string_view field, const Strings& names) {
  if (names.size() > kMaxBlockLists) return FieldError(field, absl::StrCat("has more than ", kMaxBlockLists, " lists"));
  std::set<absl::string_view> seen;
  for (int i = 0; i < names.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    if (!IsBlockListName(names[i])) return FieldError(path, absl::StrCat("must be ", kBlockListNameRule));
    if (!seen.insert(names[i]).second) return FieldError(path, "is there twice");
  }
  return absl::OkStatus();
}

absl::Status CheckQueryTimeout(absl::string_view field, v1::DnsConfig& dns) {
  google::protobuf::Duration& timeout = *dns.mutable_query_timeout();
  if (timeout.seconds() == 0 && timeout.nanos() == 0) timeout.set_seconds(absl::ToInt64Seconds(kDefaultQueryTimeout));
  // google.protobuf.Duration: other nanos than these are none, and JSON has no word for them.
  const bool proper = timeout.nanos() >= 0 && timeout.nanos() < 1'000'000'000;
  const absl::Duration value = absl::Seconds(timeout.seconds()) + absl::Nanoseconds(timeout.nanos());
  if (proper && value > absl::ZeroDuration() && value <= kMaxQueryTimeout) return absl::OkStatus();
  return FieldError(field, absl::StrCat("must be more than 0 and at most ", absl::FormatDuration(kMaxQueryTimeout)));
}

}  // namespace

absl::Status CheckPolicy(absl::string_view field, v1::NetworkPolicy& policy) {
  if (policy.preset() == v1::PRESET_UNSPECIFIED) return FieldError(absl::StrCat(field, ".preset"), "is required");
  const auto compiled = policy::CompiledPolicy::Compile(policy);
  if (!compiled.ok()) return InField(field, compiled.status());
  FillPolicyDefaults(policy);
  return absl::OkStatus();
}

bool IsBlockListName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxBlockListName && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
}

absl::Status CheckDns(absl::string_view field, v1::DnsConfig& dns) {
  absl::Status status = CheckNameservers(absl::StrCat(field, ".nameservers"), dns.nameservers());
  if (!status.ok()) return status;
  status = CheckDomains(absl::StrCat(field, ".blocked_domains"), dns.blocked_domains(), kMaxBlockedDomains);
  if (!status.ok()) return status;
  status = CheckDomains(absl::StrCat(field, ".rebinding_exempt_domains"), dns.rebinding_exempt_domains(),
                        kMaxExemptDomains);
  if (!status.ok()) return status;
  status = CheckBlockLists(absl::StrCat(field, ".block_lists"), dns.block_lists());
  if (!status.ok()) return status;
  return CheckQueryTimeout(absl::StrCat(field, ".query_timeout"), dns);
}

absl::Status CheckLimits(absl::string_view field, const v1::NetworkLimits& limits) {
  if (limits.max_flows() > kMaxFlowsLimit) {
    return FieldError(absl::StrCat(field, ".max_flows"), absl::StrCat("must be at most ", kMaxFlowsLimit));
  }
  return absl::OkStatus();
}

absl::Status CheckNetwork(absl::string_view field, v1::NetworkConfig& network) {
  v1::NetworkPolicy& policy = *network.mutable_policy();
  if (policy.preset() == v1::PRESET_UNSPECIFIED) policy.set_preset(v1::PRESET_PUBLIC_ONLY);
  absl::Status status = CheckPolicy(absl::StrCat(field, ".policy"), policy);
  if (!status.ok()) return status;
  status = CheckPorts(absl::StrCat(field, ".ports"), *network.mutable_ports());
  if (!status.ok()) return status;
  if (policy.preset() == v1::PRESET_NONE && network.ports_size() > 0) {
    return FieldError(absl::StrCat(field, ".ports"), "cannot be published while the policy's preset is NONE");
  }
  status = CheckDns(absl::StrCat(field, ".dns"), *network.mutable_dns());
  if (!status.ok()) return status;
  const absl::StatusOr<InterfacePlan> plan = InterfacePlan::Make(absl::StrCat(field, ".interface"), network.interface());
  if (!plan.ok()) return plan.status();
  *network.mutable_interface() = plan->ToConfig();
  status = CheckLimits(absl::StrCat(field, ".limits"), network.limits());
  if (!status.ok() || !network.has_audit()) return status;
  return CheckAudit(absl::StrCat(field, ".audit"), *network.mutable_audit());
}

}  // namespace sluice
