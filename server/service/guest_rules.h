#ifndef SLUICE_SERVER_SERVICE_GUEST_RULES_H_
#define SLUICE_SERVER_SERVICE_GUEST_RULES_H_

#include "absl/status/status.h"
#include "server/access/caller.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// What callers who are not administrators may make guests of: nothing by which they
// would become the host's root, or read as root.
struct GuestRules {
  bool has_path_roots = false;  // --guest_path_roots: GuestFactory holds everybody to them
  bool allow_host_root = false;
};

// PermissionDenied that names the field. Any thread; no I/O.
absl::Status CheckGuestRules(const v1::Guest& guest, const Caller& caller, const GuestRules& rules);

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_GUEST_RULES_H_
