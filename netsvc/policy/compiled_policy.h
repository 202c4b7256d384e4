#ifndef SLUICE_NETSVC_POLICY_COMPILED_POLICY_H_
#define SLUICE_NETSVC_POLICY_COMPILED_POLICY_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/policy/address_groups.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// The answer to one question. `rule_id` points into the policy that gave it and
// lives as long as that policy.
struct Verdict {
  v1::Action action = v1::ACTION_DENY;
  v1::Verdict::Reason reason = v1::Verdict::REASON_INTERNAL;
  absl::string_view rule_id;

  bool allowed() const { return action == v1::ACTION_ALLOW; }
  v1::Verdict ToProto() const;
};

// A flow about to open.
struct FlowQuery {
  v1::Direction direction = v1::DIRECTION_EGRESS;
  v1::Protocol protocol = v1::PROTOCOL_UNSPECIFIED;
  IpAddress remote;
  // The remote port on egress, the guest's on ingress; 0 for ICMP.
  uint16_t port = 0;
  // The names that this sandbox resolved to `remote`; what domain peers are
  // compared with. None: no domain peer matches. Borrowed for the call.
  std::span<const DomainName> names;
};

// A NetworkPolicy, checked and made ready to be asked. Immutable: a policy
// changes by compiling another. Any thread.
class CompiledPolicy {
 public:
  ~CompiledPolicy();

  static constexpr int kMaxRules = 65'536;

  // FieldError with the path inside the policy ("rules[3].ports[0].first") for
  // anything that the API does not allow.
  static absl::StatusOr<std::shared_ptr<const CompiledPolicy>> Compile(const v1::NetworkPolicy& policy);

  const v1::NetworkPolicy& source() const { return source_; }
  v1::Preset preset() const { return source_.preset(); }
  bool rejects() const { return source_.deny_response() != v1::DENY_RESPONSE_DROP; }

  // First match wins over the rules, the preset's rules, its default. Does not
  // allocate.
  Verdict Evaluate(const FlowQuery& query, const AddressGroups& groups) const;

  // May `name` be asked? (SEMANTICS section 3, step 6.)
  Verdict EvaluateName(const DomainName& name) const;

  // May the resolver at `resolver` be asked at all? Walks the caller's cidr and
  // group rules that cover it and port 53 (step 4); allowed where none denies.
  Verdict EvaluateResolver(v1::Protocol transport, const IpAddress& resolver, const AddressGroups& groups) const;

  // Does a cidr or group rule of the caller allow this address to stand in a DNS
  // answer though its group is not PUBLIC? (step 11)
  bool AllowsAnswer(const IpAddress& address, const AddressGroups& groups) const;

 private:
  struct Rule;
  // private constructor and members: see compiled_policy.cc
  explicit CompiledPolicy(v1::NetworkPolicy source);

  v1::NetworkPolicy source_;
  std::vector<Rule> rules_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_COMPILED_POLICY_H_
