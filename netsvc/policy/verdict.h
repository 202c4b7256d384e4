#ifndef SLUICE_NETSVC_POLICY_VERDICT_H_
#define SLUICE_NETSVC_POLICY_VERDICT_H_

#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// The rule ids of verdicts that no rule of the caller gave.
inline constexpr absl::string_view kPresetRuleId = "preset";
inline constexpr absl::string_view kDefaultRuleId = "default";

// The answer to one question. `rule_id` points into the policy that gave it and
// lives as long as that policy.
struct Verdict {
  v1::Action action = v1::ACTION_DENY;
  v1::Verdict::Reason reason = v1::Verdict::REASON_INTERNAL;
  absl::string_view rule_id;

  bool allowed() const { return action == v1::ACTION_ALLOW; }
  // Without a rule it is the default that decided.
  v1::Verdict ToProto() const;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// A flow about to open.
struct FlowQuery {
  v1::Direction direction = v1::DIRECTION_EGRESS;
  v1::Protocol protocol = v1::PROTOCOL_UNSPECIFIED;
  IpAddress remote = {};
  // The remote port on egress, the guest's on ingress; 0 for ICMP.
  uint16_t port = 0;
  // The names that this sandbox resolved to `remote`; what domain peers are
  // compared with. None: no domain peer matches. Borrowed for the call.
  std::span<const DomainName> names = {};
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_VERDICT_H_
