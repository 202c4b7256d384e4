#ifndef SLUICE_SERVER_GUEST_GUEST_FILES_H_
#define SLUICE_SERVER_GUEST_GUEST_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/guest_root.h"
#include "server/guest/guest_user.h"
#include "sluice/v1/guest_service.pb.h"

namespace sluice {

// A file that is being read. One call at a time, on any thread.
class FileReader {
 public:
  static constexpr size_t kMaxChunk = 64 * 1024;  // bytes

  // Reads `length` bytes (0: to the end) from `offset` on.
  FileReader(UniqueFd fd, std::string path, uint64_t offset, uint64_t length);

  // The next bytes, kMaxChunk at most; empty at the end. Blocks.
  absl::StatusOr<std::string> Next();

 private:
  UniqueFd fd_;
  std::string path_;
  uint64_t offset_;
  uint64_t left_;
};

// A file that is being written, under a name of its own beside the one that it
// shall have. Destroyed before Commit(), it leaves nothing. One call at a time,
// on any thread. Calls, the destructor with them, block.
class FileWriter {
 public:
  FileWriter(GuestRoot::Place place, GuestUser user, std::string path, std::string temporary, UniqueFd fd);
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter();

  // ResourceExhausted where the disk is full.
  absl::Status Write(absl::string_view data);
  // The file appears, in place of what had its name. Returns its size. Once.
  absl::StatusOr<uint64_t> Commit();

 private:
  const GuestRoot::Place place_;
  const GuestUser user_;
  const std::string path_;
  const std::string temporary_;
  UniqueFd fd_;
  uint64_t size_ = 0;
};

// What the server does with a guest's files, as the guest's user: it may do what
// that user may. Paths are GuestRoot's. Only regular files are read and written;
// nothing else is even opened. Any thread; every call blocks.
//
// Errors: FieldError of the request's field, and those of FileError.
class GuestFiles {
 public:
  static constexpr mode_t kDefaultFileMode = 0644;
  static constexpr mode_t kDefaultDirectoryMode = 0755;
  // Of the paths in one listing, with what is told beside them.
  static constexpr size_t kMaxListingBytes = 3 << 20;
  static constexpr int kMaxRemoveDepth = 128;  // directories in one another

  // `root` is a descriptor of the guest's root directory.
  GuestFiles(UniqueFd root, GuestUser user) : root_(std::move(root)), user_(user) {}

  absl::StatusOr<std::unique_ptr<FileReader>> Read(const v1::ReadFileRequest& request) const;
  // A symbolic link at the path is replaced, not followed.
  absl::StatusOr<std::unique_ptr<FileWriter>> Write(const v1::WriteFileOpen& request) const;
  // Of a link itself.
  absl::StatusOr<v1::FileInfo> Stat(const std::string& path) const;
  // By name. ResourceExhausted past kMaxListingBytes.
  absl::StatusOr<std::vector<v1::FileInfo>> List(const std::string& path) const;
  // With `parents`, an existing directory is no error, and parents that are made
  // have kDefaultDirectoryMode.
  absl::Status MakeDirectory(const v1::MakeDirectoryRequest& request) const;
  // A link itself. A directory must be empty unless `recursive`, and other file
  // systems in it are left alone: FailedPrecondition.
  absl::Status Remove(const std::string& path, bool recursive) const;

 private:
  absl::Status MakeOne(const std::string& path, mode_t mode) const;
  absl::Status MakeParents(const std::string& path) const;

  GuestRoot root_;
  GuestUser user_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_FILES_H_
