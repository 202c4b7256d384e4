#include "netsvc/worker/kept_numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

absl::StatusOr<std::unique_ptr<KeptNumbers>> KeptNumbers::Open(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  struct stat info;
  if (!file.valid() || fstat(file.get(), &info) != 0) return ErrnoError(errno, absl::StrCat("open ", path));
  if (static_cast<size_t>(info.st_size) != sizeof(Values)) {
    // Written, not only made longer: a disk that is full says so here, not when
    // a number changes.
    const Values none;
    if (ftruncate(file.get(), 0) != 0) return ErrnoError(errno, absl::StrCat("empty ", path));
    const absl::Status written =
        WriteAll(file.get(), absl::string_view(reinterpret_cast<const char*>(&none), sizeof(none)));
    if (!written.ok()) return written;
  }
  void* const mapped = mmap(nullptr, sizeof(Values), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) return ErrnoError(errno, absl::StrCat("map ", path));
  return std::unique_ptr<KeptNumbers>(new KeptNumbers(static_cast<Values*>(mapped)));
}

KeptNumbers::~KeptNumbers() { munmap(values_, sizeof(Values)); }

}  // namespace sluice
