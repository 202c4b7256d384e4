#ifndef SLUICE_SERVER_CORE_DIRECTORY_H_
#define SLUICE_SERVER_CORE_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

// The server's own directories: readable by it alone. They block; any thread.

namespace sluice {

// Makes `path` with mode 0700. OK where it is a directory already.
absl::Status MakeDirectory(const std::string& path);

// The same with the directories above it that are missing.
absl::Status MakeDirectories(const std::string& path);

absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path);

// Removes `path` and all below it, following no symbolic link. OK where there
// is nothing.
absl::Status RemoveTree(const std::string& path);

// The names in `path`, sorted; none where it is not there.
std::vector<std::string> ListNames(const std::string& path);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_DIRECTORY_H_
