#include "server/guest/net_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr char kOwnNamespace[] = "/proc/self/ns/net";
constexpr char kThreadNamespace[] = "/proc/thread-self/ns/net";

absl::Status BringLoopbackUp() {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.valid()) return ErrnoError(errno, "socket");
  ifreq request{};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  if (ioctl(socket_fd.get(), SIOCSIFFLAGS, &request) != 0) return ErrnoError(errno, "bring lo up");
  return absl::OkStatus();
}

// Makes a namespace for the calling thread and opens it.
absl::StatusOr<UniqueFd> UnshareThread() {
  if (unshare(CLONE_NEWNET) != 0) return ErrnoError(errno, "make a network namespace");
  UniqueFd fd(open(kThreadNamespace, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", kThreadNamespace));
  if (const absl::Status status = BringLoopbackUp(); !status.ok()) return status;
  // A kernel that refuses (a user namespace without these groups) still makes a
  // useful guest: one in which only root pings.
  WriteFile("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").IgnoreError();
  return fd;
}

bool SameFile(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

}  // namespace

absl::StatusOr<NetNamespace> NetNamespace::Create() {
  absl::StatusOr<UniqueFd> fd;
  std::thread([&fd] { fd = UnshareThread(); }).join();
  if (!fd.ok()) return fd.status();
  return NetNamespace(*std::move(fd));
}

absl::StatusOr<NetNamespace> NetNamespace::OpenPath(const std::string& path) {
  // O_PATH first: opening a device or a FIFO for real would do something.
  const UniqueFd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid()) return absl::InvalidArgumentError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
  struct statfs file_system;
  if (fstatfs(place.get(), &file_system) != 0) return ErrnoError(errno, "fstatfs");
  if (file_system.f_type != NSFS_MAGIC) return absl::InvalidArgumentError(absl::StrCat(path, " is not a namespace"));
  UniqueFd fd(open(absl::StrCat("/proc/self/fd/", place.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  if (ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a namespace, but not a network namespace"));
  }
  return OfSomeoneElse(std::move(fd));
}

absl::StatusOr<NetNamespace> NetNamespace::OfPid(pid_t pid) {
  UniqueFd fd(open(absl::StrCat("/proc/", pid, "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() && (errno == ENOENT || errno == ESRCH)) {
    return absl::InvalidArgumentError(absl::StrCat("there is no process ", pid));
  }
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open the network namespace of process ", pid));
  return OfSomeoneElse(std::move(fd));
}

absl::StatusOr<NetNamespace> NetNamespace::OfTap(const UniqueFd& tap) {
  UniqueFd fd(ioctl(tap.get(), TUNGETDEVNETNS));
  if (!fd.valid()) return absl::InvalidArgumentError("the descriptor is not a TAP's");
  return OfSomeoneElse(std::move(fd));
}

absl::StatusOr<NetNamespace> NetNamespace::OfSomeoneElse(UniqueFd fd) {
  struct stat theirs;
  struct stat ours;
  if (fstat(fd.get(), &theirs) != 0 || stat(kOwnNamespace, &ours) != 0) return ErrnoError(errno, "stat a namespace");
  if (SameFile(theirs, ours)) {
    return absl::InvalidArgumentError("is the server's own network namespace, which cannot be a guest's");
  }
  return NetNamespace(std::move(fd));
}

absl::Status NetNamespace::Run(const std::function<absl::Status()>& work) const {
  absl::Status result;
  std::thread([&] {
    result = setns(fd_.get(), CLONE_NEWNET) == 0 ? work() : ErrnoError(errno, "enter a network namespace");
  }).join();
  return result;
}

std::string NetNamespace::path() const { return absl::StrCat("/proc/", getpid(), "/fd/", fd_.get()); }

}  // namespace sluice
