#ifndef SLUICE_CLIENTS_CLI_LOCAL_TREE_H_
#define SLUICE_CLIENTS_CLI_LOCAL_TREE_H_

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::cli {

// A file that is being written under another name, to appear at once with all of
// its content. Destroyed before Commit(), it leaves nothing.
class LocalFile {
 public:
  // In the open `directory`, at last as `name`.
  static absl::StatusOr<LocalFile> Create(UniqueFd directory, std::string name);
  LocalFile(LocalFile&&) = default;
  ~LocalFile();

  absl::Status Write(absl::string_view data);
  // Replaces what has its name, but for a directory. Once.
  absl::Status Commit(mode_t mode);

 private:
  LocalFile(UniqueFd directory, std::string name, std::string temporary, UniqueFd fd)
      : directory_(std::move(directory)), name_(std::move(name)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

  UniqueFd directory_;
  std::string name_;
  std::string temporary_;
  UniqueFd fd_;
};

// A directory here and what is below it, that is copied to or from. Paths are
// relative to it, "" being itself. No symbolic link below it is ever followed,
// whatever others do to the tree meanwhile (openat2 with RESOLVE_BENEATH and
// RESOLVE_NO_SYMLINKS).
class LocalTree {
 public:
  // The path of the directory itself is the user's, links and all.
  static absl::StatusOr<LocalTree> Open(const std::string& path);
  LocalTree(LocalTree&&) = default;

  // The names in a directory, sorted, with what they are.
  struct Entry {
    std::string name;
    struct stat info;
  };
  absl::StatusOr<std::vector<Entry>> List(const std::string& path) const;
  // A regular file, to be read.
  absl::StatusOr<UniqueFd> OpenFile(const std::string& path) const;

  absl::StatusOr<LocalFile> CreateFile(const std::string& path) const;
  // For its owner alone until SetMode; or one that is there.
  absl::Status MakeDirectory(const std::string& path) const;
  absl::Status SetMode(const std::string& path, mode_t mode) const;
  // Replaces a link or file.
  absl::Status MakeLink(const std::string& target, const std::string& path) const;

 private:
  explicit LocalTree(UniqueFd root) : root_(std::move(root)) {}

  absl::StatusOr<UniqueFd> OpenAt(const std::string& path, int flags) const;
  // The directory that `path` is in.
  absl::StatusOr<UniqueFd> OpenParent(const std::string& path) const;

  UniqueFd root_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_LOCAL_TREE_H_
