#include "server/guest/guest_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

// The kernel gives up with EAGAIN where something is renamed meanwhile.
constexpr int kMaxTries = 64;

// What shows its reader's view instead of the guest's, or acts when written.
bool IsMadeUpByKernel(int fd) {
  struct statfs file_system;
  if (fstatfs(fd, &file_system) != 0) return true;
  switch (static_cast<unsigned long>(file_system.f_type)) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BPF_FS_MAGIC:
    case BINFMTFS_MAGIC:
    case NSFS_MAGIC:
      return true;
  }
  return false;
}

}  // namespace

absl::Status CheckGuestPath(absl::string_view path) {
  if (path.empty() || path.front() != '/') return FieldError("path", "must be an absolute path");
  if (path.size() > GuestRoot::kMaxPath) {
    return FieldError("path", absl::StrCat("is longer than ", GuestRoot::kMaxPath, " bytes"));
  }
  if (absl::StrContains(path, '\0')) return FieldError("path", "has a NUL in it");
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> GuestRoot::Resolve(const std::string& path, LastLink last_link) const {
  if (const absl::Status status = CheckGuestPath(path); !status.ok()) return status;
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | (last_link == LastLink::kKeep ? O_NOFOLLOW : 0);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd;
  for (int i = 0; i < kMaxTries && !fd.valid(); ++i) {
    fd.reset(static_cast<int>(syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof(how))));
    if (!fd.valid() && errno != EAGAIN && errno != EINTR) return FileError(errno, path);
  }
  if (!fd.valid()) return absl::AbortedError(absl::StrCat(path, " is being moved about in the guest"));
  if (IsMadeUpByKernel(fd.get())) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is the kernel's: only programs in the guest see it"));
  }
  return fd;
}

absl::StatusOr<GuestRoot::Place> GuestRoot::Locate(const std::string& path) const {
  if (const absl::Status status = CheckGuestPath(path); !status.ok()) return status;
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return FieldError("path", "must not be the root directory");
  const size_t slash = path.rfind('/', end);
  const std::string name = path.substr(slash + 1, end - slash);
  if (name == "." || name == "..") return FieldError("path", "must end in a name");
  absl::StatusOr<UniqueFd> directory = Resolve(path.substr(0, slash + 1), LastLink::kFollow);
  if (!directory.ok()) return directory.status();
  return Place{.directory = *std::move(directory), .name = name};
}

absl::Status FileError(int error, absl::string_view path) {
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat("there is no ", path, " in the guest"));
    case EEXIST:
      return absl::AlreadyExistsError(absl::StrCat(path, " exists in the guest"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(absl::StrCat("the guest's user may not do that to ", path));
    case ENOTDIR:
      return absl::FailedPreconditionError(absl::StrCat(path, " is not a directory, or leads through something that is not"));
    case ENOTEMPTY:
      return absl::FailedPreconditionError(absl::StrCat(path, " is a directory that is not empty"));
    case EISDIR:
      return absl::FailedPreconditionError(absl::StrCat(path, " is a directory"));
    case ELOOP:
    case EXDEV:
      return absl::FailedPreconditionError(absl::StrCat(path, " leads through links that the server does not follow"));
    case EBUSY:
      return absl::FailedPreconditionError(absl::StrCat(path, " is in use in the guest"));
    case EROFS:
      return absl::FailedPreconditionError(absl::StrCat(path, " is on a file system that cannot be written"));
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(absl::StrCat("the guest's disk has no room for ", path));
    case ENAMETOOLONG:
      return FieldError("path", "has a name that is too long");
    default:
      return ErrnoError(error, path);
  }
}

absl::StatusOr<UniqueFd> Reopen(const UniqueFd& fd, int flags, absl::string_view path) {
  UniqueFd opened(open(absl::StrCat("/proc/self/fd/", fd.get()).c_str(), flags | O_CLOEXEC));
  if (!opened.valid()) return FileError(errno, path);
  return opened;
}

}  // namespace sluice
