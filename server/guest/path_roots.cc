#include "server/guest/path_roots.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"

namespace sluice {

bool IsWithin(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory || absl::StartsWith(path, absl::StrCat(directory, "/"));
}

absl::StatusOr<PathRoots> PathRoots::Make(const std::vector<std::string>& directories) {
  PathRoots roots;
  for (const std::string& directory : directories) {
    std::error_code error;
    const std::string path = std::filesystem::canonical(directory, error);
    if (error || !std::filesystem::is_directory(path, error)) {
      return absl::FailedPreconditionError(absl::StrCat("--guest_path_roots=", directory, " is not a directory"));
    }
    if (path == "/") {
      return absl::FailedPreconditionError("--guest_path_roots=/ would let every caller name every file: leave it out");
    }
    roots.roots_.push_back(path);
  }
  return roots;
}

absl::StatusOr<std::string> PathRoots::Find(absl::string_view field, const std::string& path) const {
  std::error_code error;
  const std::string found = std::filesystem::canonical(path, error);
  if (roots_.empty()) {
    if (error) return FieldError(field, absl::StrCat("cannot be opened: ", error.message()));
    return found;
  }
  const bool is_within = std::any_of(roots_.begin(), roots_.end(),
                                     [&](const std::string& root) { return IsWithin(found, root); });
  if (!error && is_within) return found;
  return FieldError(field, absl::StrCat("must be there, and must lie below one of this server's directories for guests: ",
                                        absl::StrJoin(roots_, ", ")));
}

absl::StatusOr<UniqueFd> OpenExactly(const std::string& path, int flags) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how))));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  return fd;
}

absl::StatusOr<UniqueFd> OpenDirectoryExactly(const std::string& path) {
  return OpenExactly(path, O_PATH | O_DIRECTORY);
}

}  // namespace sluice
