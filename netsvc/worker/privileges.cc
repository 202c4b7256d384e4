#include "netsvc/worker/privileges.h"

#include <errno.h>
#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

absl::Status SetLimit(__rlimit_resource resource, rlim_t wanted, const char* name) {
  rlimit limit;
  if (getrlimit(resource, &limit) != 0) return ErrnoError(errno, name);
  limit.rlim_cur = limit.rlim_max = std::min(wanted, limit.rlim_max);
  return setrlimit(resource, &limit) == 0 ? absl::OkStatus() : ErrnoError(errno, name);
}

// Nothing that is ever executed could get them back.
absl::Status EmptyBoundingSet() {
  for (int capability = 0; cap_get_bound(capability) >= 0; ++capability) {
    if (cap_drop_bound(capability) != 0) return ErrnoError(errno, "drop a capability from the bounding set");
  }
  return absl::OkStatus();
}

absl::Status EmptyCapabilities() {
  const std::unique_ptr<_cap_struct, int (*)(void*)> none(cap_init(), cap_free);
  if (none == nullptr || cap_set_proc(none.get()) != 0) return ErrnoError(errno, "drop every capability");
  return absl::OkStatus();
}

absl::Status BecomeUser(uid_t id) {
  if (setgroups(0, nullptr) == 0 && setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0) return absl::OkStatus();
  return ErrnoError(errno, absl::StrCat("become user ", id));
}

}  // namespace

absl::Status LimitProcess(const ProcessLimits& limits) {
  absl::Status status = SetLimit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  if (status.ok()) status = SetLimit(RLIMIT_NPROC, 0, "RLIMIT_NPROC");
  if (status.ok()) status = SetLimit(RLIMIT_NOFILE, limits.open_files, "RLIMIT_NOFILE");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Sanitizers map terabytes that they do not use.
  if (status.ok()) status = SetLimit(RLIMIT_DATA, limits.memory_bytes, "RLIMIT_DATA");
#endif
  return status;
}

absl::Status DropPrivileges(uid_t id) {
  absl::Status status = EmptyBoundingSet();
  if (status.ok() && id != 0) status = BecomeUser(id);
  if (status.ok()) status = EmptyCapabilities();
  // A change of user makes the process dumpable as /proc/sys/fs/suid_dumpable says.
  if (status.ok() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) status = ErrnoError(errno, "PR_SET_DUMPABLE");
  if (status.ok() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) status = ErrnoError(errno, "PR_SET_NO_NEW_PRIVS");
  return status;
}

}  // namespace sluice
