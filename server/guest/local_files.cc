#include "server/guest/local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/guest/directory_names.h"
#include "server/guest/file_identity.h"

namespace sluice {
namespace {

using LastLink = GuestRoot::LastLink;

// Until it has the mode that was asked for.
constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kPrivateDirectory = 0700;

// `name` in `directory`; empty: of the descriptor itself.
absl::StatusOr<v1::FileInfo> InfoOf(int directory, const char* name, const std::string& path) {
  struct stat stat;
  if (fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0) return FileError(errno, path);
  v1::FileInfo info;
  info.set_path(FileNameToUtf8(path));
  info.set_type(FileTypeOf(stat.st_mode));
  info.set_size(static_cast<uint64_t>(stat.st_size));
  info.set_mode(stat.st_mode & GuestFiles::kPermissionBits);
  info.set_uid(stat.st_uid);
  info.set_gid(stat.st_gid);
  info.mutable_modify_time()->set_seconds(stat.st_mtim.tv_sec);
  info.mutable_modify_time()->set_nanos(static_cast<int32_t>(stat.st_mtim.tv_nsec));
  if (!S_ISLNK(stat.st_mode)) return info;
  char target[PATH_MAX];
  const ssize_t size = readlinkat(directory, name, target, sizeof(target));
  if (size > 0) info.set_link_target(FileNameToUtf8(std::string(target, static_cast<size_t>(size))));
  return info;
}

absl::Status CheckRegular(const UniqueFd& fd, const std::string& path) {
  struct stat stat;
  if (fstat(fd.get(), &stat) != 0) return FileError(errno, path);
  if (S_ISREG(stat.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
}

// What a new file may take the place of.
absl::Status CheckReplaceable(const GuestRoot::Place& place, const std::string& path) {
  struct stat stat;
  if (fstatat(place.directory.get(), place.name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : FileError(errno, path);
  }
  if (S_ISREG(stat.st_mode) || S_ISLNK(stat.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
}

absl::Status RemoveEntry(int parent, const char* name, dev_t device, const std::string& path, int depth);

// What is in the directory `name`.
absl::Status RemoveContents(int parent, const char* name, dev_t device, const std::string& path, int depth) {
  UniqueFd directory(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat stat;
  if (!directory.valid() || fstat(directory.get(), &stat) != 0) return FileError(errno, path);
  if (stat.st_dev != device) return FileError(EBUSY, path);
  if (depth > LocalFiles::kMaxRemoveDepth) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has more than ", LocalFiles::kMaxRemoveDepth, " directories in one another"));
  }
  const int fd = directory.get();
  return ForEachName(std::move(directory),
                     [&](const char* entry) { return RemoveEntry(fd, entry, device, path, depth + 1); });
}

// `name` and what is in it; OK where it is gone.
absl::Status RemoveEntry(int parent, const char* name, dev_t device, const std::string& path, int depth) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR) return FileError(errno, path);
  const absl::Status status = RemoveContents(parent, name, device, path, depth);
  if (!status.ok()) return status;
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return absl::OkStatus();
  return FileError(errno, path);
}

class LocalFileReader : public FileReader {
 public:
  // Reads `length` bytes (0: to the end) from `offset` on.
  LocalFileReader(UniqueFd fd, std::string path, uint64_t offset, uint64_t length)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        offset_(offset),
        left_(length == 0 ? std::numeric_limits<uint64_t>::max() : length) {}

  absl::StatusOr<std::string> Next() override {
    std::string data(static_cast<size_t>(std::min<uint64_t>(left_, kMaxChunk)), '\0');
    ssize_t n = 0;
    do {
      n = data.empty() ? 0 : pread(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset_));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return FileError(errno, path_);
    data.resize(static_cast<size_t>(n));
    offset_ += data.size();
    left_ -= data.size();
    return data;
  }

 private:
  const UniqueFd fd_;
  const std::string path_;
  uint64_t offset_;
  uint64_t left_;
};

class LocalFileWriter : public FileWriter {
 public:
  LocalFileWriter(GuestRoot::Place place, GuestUser user, std::string path, std::string temporary, UniqueFd fd)
      : place_(std::move(place)),
        user_(user),
        path_(std::move(path)),
        temporary_(std::move(temporary)),
        fd_(std::move(fd)) {}
  LocalFileWriter(const LocalFileWriter&) = delete;
  LocalFileWriter& operator=(const LocalFileWriter&) = delete;
  ~LocalFileWriter() override {
    if (!fd_.valid()) return;
    const FileIdentity identity(user_);
    if (identity.status().ok()) unlinkat(place_.directory.get(), temporary_.c_str(), 0);
  }

  absl::Status Write(absl::string_view data) override {
    if (const absl::Status status = WriteAll(fd_.get(), data); !status.ok()) return FileError(errno, path_);
    size_ += data.size();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Commit() override {
    const FileIdentity identity(user_);
    if (!identity.status().ok()) return identity.status();
    const int directory = place_.directory.get();
    if (renameat(directory, temporary_.c_str(), directory, place_.name.c_str()) != 0) return FileError(errno, path_);
    fd_.reset();
    return size_;
  }

 private:
  const GuestRoot::Place place_;
  const GuestUser user_;
  const std::string path_;
  const std::string temporary_;
  UniqueFd fd_;
  uint64_t size_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FileReader>> LocalFiles::Read(const v1::ReadFileRequest& request) const {
  if (const absl::Status status = CheckFileOffset(request.offset()); !status.ok()) return status;
  const FileIdentity identity(user_);
  if (!identity.status().ok()) return identity.status();
  const absl::StatusOr<UniqueFd> found = root_.Resolve(request.path(), LastLink::kFollow);
  if (!found.ok()) return found.status();
  if (const absl::Status status = CheckRegular(*found, request.path()); !status.ok()) return status;
  absl::StatusOr<UniqueFd> fd = Reopen(*found, O_RDONLY | O_NONBLOCK, request.path());
  if (!fd.ok()) return fd.status();
  return std::make_unique<LocalFileReader>(*std::move(fd), request.path(), request.offset(), request.length());
}

absl::StatusOr<std::unique_ptr<FileWriter>> LocalFiles::Write(const v1::WriteFileOpen& request) const {
  if (const absl::Status status = CheckFileMode(request.mode()); !status.ok()) return status;
  if (absl::EndsWith(request.path(), "/")) return FieldError("path", "must name a file");
  const FileIdentity identity(user_);
  if (!identity.status().ok()) return identity.status();
  absl::StatusOr<GuestRoot::Place> place = root_.Locate(request.path());
  if (!place.ok()) return place.status();
  if (const absl::Status status = CheckReplaceable(*place, request.path()); !status.ok()) return status;
  absl::StatusOr<std::string> temporary = TemporaryFileName();
  if (!temporary.ok()) return temporary.status();
  UniqueFd fd(openat(place->directory.get(), temporary->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     kPrivateFile));
  if (!fd.valid()) return FileError(errno, request.path());
  const int created = fd.get();
  auto writer =
      std::make_unique<LocalFileWriter>(*std::move(place), user_, request.path(), *std::move(temporary), std::move(fd));
  const mode_t mode = request.mode() == 0 ? kDefaultFileMode : request.mode();
  if (fchmod(created, mode) != 0) return FileError(errno, request.path());
  return writer;
}

absl::StatusOr<v1::FileInfo> LocalFiles::Stat(const std::string& path) const {
  const FileIdentity identity(user_);
  if (!identity.status().ok()) return identity.status();
  const absl::StatusOr<UniqueFd> found = root_.Resolve(path, LastLink::kKeep);
  if (!found.ok()) return found.status();
  return InfoOf(found->get(), "", path);
}

absl::StatusOr<std::vector<v1::FileInfo>> LocalFiles::List(const std::string& path) const {
  const FileIdentity identity(user_);
  if (!identity.status().ok()) return identity.status();
  const absl::StatusOr<UniqueFd> found = root_.Resolve(path, LastLink::kFollow);
  if (!found.ok()) return found.status();
  absl::StatusOr<UniqueFd> directory = Reopen(*found, O_RDONLY | O_DIRECTORY, path);
  if (!directory.ok()) return directory.status();
  const std::string prefix = absl::EndsWith(path, "/") ? path : absl::StrCat(path, "/");
  FileListing listing(path);
  const absl::Status status = ForEachName(*std::move(directory), [&](const char* name) {
    absl::StatusOr<v1::FileInfo> info = InfoOf(found->get(), name, absl::StrCat(prefix, name));
    if (absl::IsNotFound(info.status())) return absl::OkStatus();  // removed meanwhile
    if (!info.ok()) return info.status();
    return listing.Add(*std::move(info));
  });
  if (!status.ok()) return status;
  return std::move(listing).Sorted();
}

absl::Status LocalFiles::MakeOne(const std::string& path, mode_t mode) const {
  const absl::StatusOr<GuestRoot::Place> place = root_.Locate(path);
  if (!place.ok()) return place.status();
  if (mkdirat(place->directory.get(), place->name.c_str(), kPrivateDirectory) != 0) return FileError(errno, path);
  const UniqueFd made(
      openat(place->directory.get(), place->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.valid() || fchmod(made.get(), mode) != 0) return FileError(errno, path);
  return absl::OkStatus();
}

absl::Status LocalFiles::MakeParents(const std::string& path) const {
  const size_t end = path.find_last_not_of('/');
  for (size_t slash = path.find('/', 1); slash < end; slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    absl::Status status = root_.Resolve(parent, LastLink::kFollow).status();
    if (absl::IsNotFound(status)) status = MakeOne(parent, kDefaultDirectoryMode);
    if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
  }
  return absl::OkStatus();
}

absl::Status LocalFiles::MakeDirectory(const v1::MakeDirectoryRequest& request) const {
  const std::string& path = request.path();
  if (const absl::Status status = CheckFileMode(request.mode()); !status.ok()) return status;
  const FileIdentity identity(user_);
  if (!identity.status().ok()) return identity.status();
  const bool well_formed = !path.empty() && path.front() == '/' && path.size() <= GuestRoot::kMaxPath;
  if (request.parents() && well_formed) {
    if (const absl::Status status = MakeParents(path); !status.ok()) return status;
  }
  const absl::Status status = MakeOne(path, request.mode() == 0 ? kDefaultDirectoryMode : request.mode());
  if (!request.parents() || !absl::IsAlreadyExists(status)) return status;
  const absl::StatusOr<UniqueFd> existing = root_.Resolve(path, LastLink::kFollow);
  struct stat stat;
  if (existing.ok() && fstat(existing->get(), &stat) == 0 && S_ISDIR(stat.st_mode)) return absl::OkStatus();
  return status;
}

absl::Status LocalFiles::Remove(const std::string& path, bool recursive) const {
  const FileIdentity identity(user_);
  if (!identity.status().ok()) return identity.status();
  const absl::StatusOr<GuestRoot::Place> place = root_.Locate(path);
  if (!place.ok()) return place.status();
  const int parent = place->directory.get();
  const char* name = place->name.c_str();
  struct stat stat;
  struct stat parent_stat;
  if (fstatat(parent, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 || fstat(parent, &parent_stat) != 0) {
    return FileError(errno, path);
  }
  if (recursive) return RemoveEntry(parent, name, parent_stat.st_dev, path, 1);
  return unlinkat(parent, name, S_ISDIR(stat.st_mode) ? AT_REMOVEDIR : 0) == 0 ? absl::OkStatus()
                                                                               : FileError(errno, path);
}

}  // namespace sluice
