#ifndef SLUICE_SERVER_GUEST_GUEST_FILES_H_
#define SLUICE_SERVER_GUEST_GUEST_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/guest_service.pb.h"

namespace sluice {

// A file that is being read. One call at a time, on any thread.
class FileReader {
 public:
  static constexpr size_t kMaxChunk = 64 * 1024;  // bytes

  virtual ~FileReader() = default;

  // The next bytes, kMaxChunk at most; empty at the end. Blocks.
  virtual absl::StatusOr<std::string> Next() = 0;
};

// A file that is being written, under a name of its own beside the one that it
// shall have. Destroyed before Commit(), it leaves nothing. One call at a time,
// on any thread. Calls, the destructor with them, block.
class FileWriter {
 public:
  virtual ~FileWriter() = default;

  // ResourceExhausted where the disk is full.
  virtual absl::Status Write(absl::string_view data) = 0;
  // The file appears, in place of what had its name. Returns its size. Once.
  virtual absl::StatusOr<uint64_t> Commit() = 0;
};

// What the server does with a guest's files. Only regular files are read and
// written; nothing else is even opened. Any thread; every call blocks.
//
// Errors: FieldError of the request's field, and those of FileError.
class GuestFiles {
 public:
  static constexpr mode_t kPermissionBits = 07777;
  static constexpr mode_t kDefaultFileMode = 0644;
  static constexpr mode_t kDefaultDirectoryMode = 0755;
  // Of the paths in one listing, with what is told beside them.
  static constexpr size_t kMaxListingBytes = 3 << 20;

  virtual ~GuestFiles() = default;

  virtual absl::StatusOr<std::unique_ptr<FileReader>> Read(const v1::ReadFileRequest& request) const = 0;
  // A symbolic link at the path is replaced, not followed.
  virtual absl::StatusOr<std::unique_ptr<FileWriter>> Write(const v1::WriteFileOpen& request) const = 0;
  // Of a link itself.
  virtual absl::StatusOr<v1::FileInfo> Stat(const std::string& path) const = 0;
  // By name. ResourceExhausted past kMaxListingBytes.
  virtual absl::StatusOr<std::vector<v1::FileInfo>> List(const std::string& path) const = 0;
  // With `parents`, an existing directory is no error, and parents that are made
  // have kDefaultDirectoryMode.
  virtual absl::Status MakeDirectory(const v1::MakeDirectoryRequest& request) const = 0;
  // A link itself. A directory must be empty unless `recursive`.
  virtual absl::Status Remove(const std::string& path, bool recursive) const = 0;
};

// What implementations share.

// FieldError of "mode" where there is more in it than permission bits.
absl::Status CheckFileMode(uint32_t mode);
// FieldError of "offset" where no file is that long.
absl::Status CheckFileOffset(uint64_t offset);
// A name that nothing in a directory has yet, for a file that is being written.
absl::StatusOr<std::string> TemporaryFileName();
// The API's strings are UTF-8, a guest's names any bytes.
std::string FileNameToUtf8(const std::string& bytes);
v1::FileInfo::Type FileTypeOf(mode_t mode);
// The entries of directory `path`, as they are found.
class FileListing {
 public:
  explicit FileListing(std::string path) : path_(std::move(path)) {}

  // ResourceExhausted past GuestFiles::kMaxListingBytes.
  absl::Status Add(v1::FileInfo entry);
  std::vector<v1::FileInfo> Sorted() &&;

 private:
  const std::string path_;
  std::vector<v1::FileInfo> entries_;
  size_t bytes_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_FILES_H_
