#ifndef SLUICE_SERVER_SERVICE_VISIBILITY_H_
#define SLUICE_SERVER_SERVICE_VISIBILITY_H_

#include <string>

#include "absl/status/status.h"
#include "server/access/caller.h"
#include "server/core/sandbox_manager.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice {

// NotFound, as of a sandbox that does not exist, for one that is not there for the
// caller. OK for an id that no sandbox can have: the request is wrong in itself. Any
// thread; does not block.
absl::Status CheckSeen(const SandboxManager& manager, const std::string& sandbox_id, const Caller& caller);

// PermissionDenied where what the caller makes, or leaves behind, would not be
// there for itself.
absl::Status CheckCreatesOwn(const v1::CreateSandboxRequest& request, const Caller& caller);
absl::Status CheckKeepsOwn(const v1::UpdateSandboxRequest& request, const Caller& caller);

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_VISIBILITY_H_
