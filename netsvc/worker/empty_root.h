#ifndef SLUICE_NETSVC_WORKER_EMPTY_ROOT_H_
#define SLUICE_NETSVC_WORKER_EMPTY_ROOT_H_

#include <span>

#include "absl/status/status.h"

namespace sluice {

// A directory to be seen in an empty root, as "/NAME".
struct RootEntry {
  const char* name;
  int directory;  // open
};

// Gives the process a mount namespace of its own whose root holds `entries` and
// nothing else; the root itself is read-only, and nothing in it can be executed
// or be a device. The old root is out of reach, through ".." of an entry too: an
// entry is a mount, and its parent is the new root. Descriptors that were open
// stay so, and still lead out: close those of directories.
//
// Needs CAP_SYS_ADMIN, Linux 5.12 (mount_setattr) and one thread. After an error
// the process is of no use.
absl::Status EnterEmptyRoot(std::span<const RootEntry> entries);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_EMPTY_ROOT_H_
