#ifndef SLUICE_SERVER_GUEST_LOCAL_FILES_H_
#define SLUICE_SERVER_GUEST_LOCAL_FILES_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "netsvc/base/unique_fd.h"
#include "server/guest/guest_files.h"
#include "server/guest/guest_root.h"
#include "server/guest/guest_user.h"

namespace sluice {

// Files that this host's kernel reaches, as the guest's user: what that user may do
// is done. Paths are GuestRoot's.
class LocalFiles : public GuestFiles {
 public:
  static constexpr int kMaxRemoveDepth = 128;  // directories in one another

  // `root` is a descriptor of the guest's root directory.
  LocalFiles(UniqueFd root, GuestUser user) : root_(std::move(root)), user_(user) {}

  absl::StatusOr<std::unique_ptr<FileReader>> Read(const v1::ReadFileRequest& request) const override;
  absl::StatusOr<std::unique_ptr<FileWriter>> Write(const v1::WriteFileOpen& request) const override;
  absl::StatusOr<v1::FileInfo> Stat(const std::string& path) const override;
  absl::StatusOr<std::vector<v1::FileInfo>> List(const std::string& path) const override;
  absl::Status MakeDirectory(const v1::MakeDirectoryRequest& request) const override;
  // Other file systems in a tree are left alone: FailedPrecondition.
  absl::Status Remove(const std::string& path, bool recursive) const override;

 private:
  absl::Status MakeOne(const std::string& path, mode_t mode) const;
  absl::Status MakeParents(const std::string& path) const;

  GuestRoot root_;
  GuestUser user_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_LOCAL_FILES_H_
