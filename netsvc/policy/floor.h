#ifndef SLUICE_NETSVC_POLICY_FLOOR_H_
#define SLUICE_NETSVC_POLICY_FLOOR_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/policy/rule.h"

namespace sluice::policy {

// What ids of the floor's rules begin with; no caller's has a slash.
inline constexpr absl::string_view kFloorPrefix = "floor/";

// Every sandbox has them: names by the thousand belong into block lists.
inline constexpr int kMaxFloorRules = 4'096;

// The operator's floor: rules that go ahead of every sandbox's own. FieldError as
// ParseRules', and for a rule that opens so much that no policy would be left: an
// ALLOW without peers, or with group PUBLIC, or with a cidr of length 0.
absl::StatusOr<std::vector<Rule>> ParseFloor(const RuleProtos& protos);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_FLOOR_H_
