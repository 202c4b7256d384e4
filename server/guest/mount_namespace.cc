#include "server/guest/mount_namespace.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include <thread>

#include "netsvc/base/io.h"

namespace sluice {
namespace {

absl::Status UnshareMounts() {
  if (unshare(CLONE_NEWNS) != 0) return ErrnoError(errno, "make a mount namespace");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return ErrnoError(errno, "make mounts private");
  return absl::OkStatus();
}

}  // namespace

absl::Status RunInMountNamespace(const std::function<absl::Status()>& work) {
  absl::Status result;
  std::thread([&] {
    result = UnshareMounts();
    if (result.ok()) result = work();
  }).join();
  return result;
}

}  // namespace sluice
