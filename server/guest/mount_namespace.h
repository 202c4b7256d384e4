#ifndef SLUICE_SERVER_GUEST_MOUNT_NAMESPACE_H_
#define SLUICE_SERVER_GUEST_MOUNT_NAMESPACE_H_

#include <functional>

#include "absl/status/status.h"

namespace sluice {

// Runs `work` on a new thread in a mount namespace of its own, from which no
// mount spreads, and returns what it returned. What it mounts is seen by the
// programs that it starts alone, and is gone with the last of them: nothing is
// left to unmount, whatever crashes. Blocks until `work` returns; any thread.
absl::Status RunInMountNamespace(const std::function<absl::Status()>& work);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_MOUNT_NAMESPACE_H_
