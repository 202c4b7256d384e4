#include "netsvc/policy/floor.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"

namespace sluice::policy {
namespace {

// Ahead of the caller's rules it would decide everything that these are about, and
// let every name be asked.
bool OpensEverything(const Rule& rule) {
  if (rule.action != v1::ACTION_ALLOW) return false;
  return rule.AnyPeer() || std::ranges::find(rule.groups, v1::ADDRESS_GROUP_PUBLIC) != rule.groups.end() ||
         std::ranges::any_of(rule.cidrs, [](const IpPrefix& cidr) { return cidr.length() == 0; });
}

}  // namespace

absl::StatusOr<std::vector<Rule>> ParseFloor(const RuleProtos& protos) {
  if (protos.size() > kMaxFloorRules) {
    return FieldError("rules", absl::StrCat("at most ", kMaxFloorRules, " rules, not ", protos.size()));
  }
  absl::StatusOr<std::vector<Rule>> rules = ParseRules(protos);
  if (!rules.ok()) return rules;
  for (size_t i = 0; i < rules->size(); ++i) {
    Rule& rule = (*rules)[i];
    if (OpensEverything(rule)) {
      return FieldError(absl::StrCat("rules[", i, "].peers"),
                        "must say what is allowed: cidr longer than /0, domain, or a group other than PUBLIC; "
                        "anything wider would take the place of every sandbox's policy");
    }
    rule.id = absl::StrCat(kFloorPrefix, rule.id);
  }
  return rules;
}

}  // namespace sluice::policy
