#ifndef SLUICE_NETSVC_WORKER_SYSCALL_FILTER_H_
#define SLUICE_NETSVC_WORKER_SYSCALL_FILTER_H_

#include "absl/status/status.h"

namespace sluice {

// From now on, and for good, the kernel kills the process (SIGSYS) at the first
// system call that a worker has no use for. The list, with the reason of each
// call, stands in syscall_filter.cc. Needs no_new_privs or CAP_SYS_ADMIN.
absl::Status FilterSyscalls();

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_SYSCALL_FILTER_H_
