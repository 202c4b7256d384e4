#ifndef SLUICE_SERVER_GUEST_GUEST_ROOT_H_
#define SLUICE_SERVER_GUEST_GUEST_ROOT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// A guest's root directory, and paths in it as the guest means them: symbolic
// links and ".." never lead above it. What the kernel makes up (/proc, /sys and
// their like) is not reached at all: it would show the server's own view.
// Any thread.
class GuestRoot {
 public:
  static constexpr size_t kMaxPath = 4095;  // bytes: PATH_MAX without its NUL

  enum class LastLink { kFollow, kKeep };

  // The directory that holds an entry, and the entry's name.
  struct Place {
    UniqueFd directory;
    std::string name;
  };

  // `root` is a descriptor of the directory.
  explicit GuestRoot(UniqueFd root) : root_(std::move(root)) {}

  // An O_PATH descriptor: what is there is neither opened nor changed. FieldError
  // of "path" where it is not an absolute path; else as FileError says.
  absl::StatusOr<UniqueFd> Resolve(const std::string& path, LastLink last_link) const;
  // Where `path` is, or would be. FieldError of "path" where it ends in no name.
  absl::StatusOr<Place> Locate(const std::string& path) const;

 private:
  UniqueFd root_;
};

// FieldError of "path" where it is not an absolute path of kMaxPath bytes at most.
absl::Status CheckGuestPath(absl::string_view path);

// What errno says about a path of the guest, for whoever asked.
absl::Status FileError(int error, absl::string_view path);

// Opens what an O_PATH descriptor is of. Errors are errno's, as FileError says.
absl::StatusOr<UniqueFd> Reopen(const UniqueFd& fd, int flags, absl::string_view path);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_ROOT_H_
