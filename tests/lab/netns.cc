#include "tests/lab/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::lab {

absl::Status EnterNetns(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  if (setns(fd.get(), CLONE_NEWNET) != 0) return ErrnoError(errno, absl::StrCat("setns ", path));
  return absl::OkStatus();
}

absl::Status InNetns(const std::string& path, absl::FunctionRef<absl::Status()> work) {
  absl::Status status;
  std::thread([&] {
    status = EnterNetns(path);
    if (status.ok()) status = work();
  }).join();
  return status;
}

}  // namespace sluice::lab
