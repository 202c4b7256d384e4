#include "netsvc/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

absl::Status ErrnoError(int error, absl::string_view what) { return absl::ErrnoToStatus(error, what); }

absl::Status WriteAll(int fd, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "write");
    }
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  std::string data;
  char chunk[16384];
  while (true) {
    const ssize_t n = read(fd.get(), chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, absl::StrCat("read ", path));
    if (n == 0) return data;
    data.append(chunk, static_cast<size_t>(n));
    if (data.size() > limit) return absl::OutOfRangeError(absl::StrCat(path, " is larger than ", limit, " bytes"));
  }
}

absl::Status WriteFile(const std::string& path, absl::string_view data, unsigned mode) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("create ", path));
  return WriteAll(fd.get(), data);
}

}  // namespace sluice
