#ifndef SLUICE_NETSVC_WORKER_PRIVILEGES_H_
#define SLUICE_NETSVC_WORKER_PRIVILEGES_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"

namespace sluice {

struct ProcessLimits {
  uint64_t open_files = 0;    // at most the hard limit that there is
  uint64_t memory_bytes = 0;  // of data: heap and private mappings
};

// Core files off, no child processes, and `limits`.
absl::Status LimitProcess(const ProcessLimits& limits);

// Gives up every group and capability, for good, and becomes user and group `id`;
// 0 keeps user and group. Needs CAP_SETUID, CAP_SETGID and CAP_SETPCAP, and one
// thread.
absl::Status DropPrivileges(uid_t id);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_PRIVILEGES_H_
