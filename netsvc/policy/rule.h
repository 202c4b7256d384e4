#ifndef SLUICE_NETSVC_POLICY_RULE_H_
#define SLUICE_NETSVC_POLICY_RULE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/policy/service.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

inline constexpr int kMaxRules = 65'536;
// Peers times ranges of ports, summed over the rules of a policy: what bounds
// the memory of a compiled policy (docs/policy.md).
inline constexpr size_t kMaxPeerServices = size_t{1} << 20;

// One rule of a policy, checked and taken apart. A value.
struct Rule {
  std::string id;
  v1::Action action = v1::ACTION_DENY;
  v1::Direction direction = v1::DIRECTION_EGRESS;
  std::vector<IpPrefix> cidrs;
  std::vector<v1::AddressGroup> groups;
  std::vector<DomainPattern> domains;
  // kAnyService is among them where the rule allows, or denies every service.
  ServiceSet services;

  bool AnyPeer() const { return cidrs.empty() && groups.empty() && domains.empty(); }
};

using RuleProtos = google::protobuf::RepeatedPtrField<v1::Rule>;

// The rules of a policy in order. FieldError with the path inside the policy
// ("rules[3].ports[0].first") for anything in them that the API does not allow.
absl::StatusOr<std::vector<Rule>> ParseRules(const RuleProtos& protos);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_RULE_H_
