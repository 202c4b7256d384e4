#ifndef SLUICE_SERVER_CORE_SANDBOX_UPDATE_H_
#define SLUICE_SERVER_CORE_SANDBOX_UPDATE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sluice/v1/sandbox.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

// UpdateSandbox: which parts of a sandbox a request may name, and what comes of
// it. Errors are FieldErrors. Any thread; no I/O.

namespace sluice {

// What is wrong with a request in itself: id, and the paths of its mask, which are
// "labels", "labels.KEY", "network.dns", "network.limits", "network.audit" and parts
// of the last three.
absl::Status CheckUpdate(const v1::UpdateSandboxRequest& request);

// `current` with the named parts as the request has them, complete and checked. A
// part that the mask names and the request leaves out is reset to its default; of
// "labels.KEY", the label goes. The request passed CheckUpdate.
absl::StatusOr<v1::Sandbox> ApplyUpdate(const v1::UpdateSandboxRequest& request, const v1::Sandbox& current);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_SANDBOX_UPDATE_H_
