#include "netsvc/worker/empty_root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

constexpr uint64_t kHarmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
// The root holds directories alone.
constexpr char kRootBytes[] = "64k";

absl::Status SetAttributes(int mount_fd, uint64_t attributes) {
  mount_attr change = {.attr_set = attributes, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
  if (mount_setattr(mount_fd, "", AT_EMPTY_PATH, &change, sizeof(change)) == 0) return absl::OkStatus();
  return ErrnoError(errno, "mount_setattr");
}

// A mount of `directory` that stands nowhere yet.
absl::StatusOr<UniqueFd> CloneMount(const RootEntry& entry) {
  UniqueFd mount_fd(open_tree(entry.directory, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!mount_fd.valid()) return ErrnoError(errno, absl::StrCat("open_tree for /", entry.name));
  const absl::Status status = SetAttributes(mount_fd.get(), kHarmless);
  if (!status.ok()) return status;
  return mount_fd;
}

absl::StatusOr<UniqueFd> NewTmpfs() {
  const UniqueFd context(fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context.valid() || fsconfig(context.get(), FSCONFIG_SET_STRING, "size", kRootBytes, 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0755", 0) != 0 ||
      fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return ErrnoError(errno, "a file system for the empty root");
  }
  UniqueFd root(fsmount(context.get(), FSMOUNT_CLOEXEC, kHarmless));
  if (!root.valid()) return ErrnoError(errno, "fsmount");
  return root;
}

absl::Status AddEntry(int root, const char* name, int mount_fd) {
  if (mkdirat(root, name, 0755) == 0 && move_mount(mount_fd, "", root, name, MOVE_MOUNT_F_EMPTY_PATH) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(errno, absl::StrCat("mount /", name));
}

// `root` is mounted over "/". The old root ends up over the new one, where it
// can be let go (pivot_root(2), "pivot_root(".", ".")").
absl::Status PivotTo(int root) {
  if (fchdir(root) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
      chdir("/") == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(errno, "pivot_root");
}

}  // namespace

absl::Status EnterEmptyRoot(std::span<const RootEntry> entries) {
  // Ahead of the new namespace: mounts can be cloned only within one's own.
  std::vector<UniqueFd> mounts;
  for (const RootEntry& entry : entries) {
    absl::StatusOr<UniqueFd> mount_fd = CloneMount(entry);
    if (!mount_fd.ok()) return mount_fd.status();
    mounts.push_back(*std::move(mount_fd));
  }
  if (unshare(CLONE_NEWNS) != 0) return ErrnoError(errno, "unshare");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return ErrnoError(errno, "private mounts");
  absl::StatusOr<UniqueFd> root = NewTmpfs();
  if (!root.ok()) return root.status();
  if (move_mount(root->get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) return ErrnoError(errno, "move_mount");
  for (size_t i = 0; i < entries.size(); ++i) {
    const absl::Status status = AddEntry(root->get(), entries[i].name, mounts[i].get());
    if (!status.ok()) return status;
  }
  const absl::Status status = SetAttributes(root->get(), MOUNT_ATTR_RDONLY);
  return status.ok() ? PivotTo(root->get()) : status;
}

}  // namespace sluice
