#include "server/access/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {

absl::StatusOr<UniqueFd> MemoryFile::Prepare(absl::string_view bytes) {
  UniqueFd file(memfd_create("replaceable", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "memfd_create");
  if (absl::Status status = WriteAll(file.get(), bytes); !status.ok()) return status;
  return file;
}

absl::Status MemoryFile::Replace(UniqueFd prepared) {
  const timespec stamp = {.tv_sec = ++version_, .tv_nsec = 0};
  const timespec stamps[] = {stamp, stamp};
  if (futimens(prepared.get(), stamps) != 0) return ErrnoError(errno, "futimens");
  if (!fd_.valid()) {
    fd_ = std::move(prepared);
    return absl::OkStatus();
  }
  if (dup3(prepared.get(), fd_.get(), O_CLOEXEC) < 0) return ErrnoError(errno, "dup3");
  return absl::OkStatus();
}

std::string MemoryFile::path() const { return absl::StrCat("/proc/self/fd/", fd_.get()); }

}  // namespace sluice
