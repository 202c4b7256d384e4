#ifndef SLUICE_NETSVC_POLICY_NEVER_ALLOWED_H_
#define SLUICE_NETSVC_POLICY_NEVER_ALLOWED_H_

#include <span>
#include <vector>

#include "netsvc/base/ip_prefix.h"
#include "netsvc/policy/prefix_region.h"
#include "netsvc/policy/rule.h"
#include "sluice/v1/policy.pb.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::policy {

// Of the prefixes that contain an address the longest says whether a policy may
// ever allow a flow to it; where none does, it may.
struct PrefixFate {
  IpPrefix prefix;
  bool never = false;

  friend bool operator==(const PrefixFate&, const PrefixFate&) = default;
};

// What a policy cannot allow, whatever its guest does: the address groups that
// neither the preset nor a rule speaks for, but for the cidrs that rules name.
// For a second wall behind the evaluator, so in doubt it lets pass: group PUBLIC
// always (but under PRESET_NONE), everything where names may lead anywhere
// (rebinding-exempt names under a domain rule), and the host's own addresses
// where no constant row has them. `policy` compiles.
//
// `floor`, as ParseFloor made it, goes first: what it allows may pass, and what it
// denies for every protocol and port never does, PUBLIC included (ApplyFloor).
std::vector<PrefixFate> NeverAllowed(const v1::NetworkPolicy& policy, std::span<const Rule> floor,
                                     const v1::DnsConfig& dns, const Surroundings& around);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_NEVER_ALLOWED_H_
