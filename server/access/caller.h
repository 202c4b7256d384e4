#ifndef SLUICE_SERVER_ACCESS_CALLER_H_
#define SLUICE_SERVER_ACCESS_CALLER_H_

#include <memory>
#include <string>

#include "server/core/labels.h"

namespace sluice {

// What a caller may do. Each may all that those before it may.
enum class Role {
  kAuditor,   // read: sandboxes, policies, audit logs
  kOperator,  // make, use and delete the sandboxes in its scope
  kAdmin,     // everything
};

// Who calls; a value.
struct Caller {
  // "user 1000", "certificate CN=ci", "token ci". For logs, and to tell callers
  // apart.
  std::string name;
  Role role = Role::kAuditor;
  // Sandboxes that bear all of these are there for the caller, others are not.
  // Empty: every sandbox.
  Labels scope;
  // Of a stream: counted as open until the last copy is gone.
  std::shared_ptr<const void> stream = nullptr;

  bool IsAdmin() const { return role == Role::kAdmin; }
  bool Sees(const Labels& labels) const { return LabelsMatch(labels, scope); }
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_CALLER_H_
