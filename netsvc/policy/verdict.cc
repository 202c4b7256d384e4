#include "netsvc/policy/verdict.h"

#include <string>

namespace sluice::policy {

v1::Verdict Verdict::ToProto() const {
  v1::Verdict proto;
  proto.set_action(action);
  proto.set_rule_id(std::string(rule_id.empty() ? kDefaultRuleId : rule_id));
  proto.set_reason(reason);
  return proto;
}

}  // namespace sluice::policy
