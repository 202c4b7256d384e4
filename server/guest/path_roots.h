#ifndef SLUICE_SERVER_GUEST_PATH_ROOTS_H_
#define SLUICE_SERVER_GUEST_PATH_ROOTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Below which directories of the host the paths of guests must lie
// (--guest_path_roots). A value; any thread. Calls read the file system.
class PathRoots {
 public:
  // Every path may be.
  PathRoots() = default;
  // FailedPrecondition, one sentence with the flag, where one is no directory, or
  // the host's root.
  static absl::StatusOr<PathRoots> Make(const std::vector<std::string>& directories);

  // `path` without symbolic links. FieldError of `field` where nothing is there, or it
  // is not one of the roots or below one. With roots these two are one answer: it
  // does not tell what else there is on the host.
  absl::StatusOr<std::string> Find(absl::string_view field, const std::string& path) const;

 private:
  std::vector<std::string> roots_;  // without symbolic links; empty: every path
};

// Whether `path` is `directory` or lies below it. Both without symbolic links.
bool IsWithin(const std::string& path, const std::string& directory);

// Opens a path that has no symbolic links, with `flags` of open(2), close-on-exec:
// where somebody has put one there since it was looked at, that is an error.
absl::StatusOr<UniqueFd> OpenExactly(const std::string& path, int flags);
// An O_PATH descriptor of a directory, likewise.
absl::StatusOr<UniqueFd> OpenDirectoryExactly(const std::string& path);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_PATH_ROOTS_H_
