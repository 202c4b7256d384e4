#include "clients/cli/local_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "clients/cli/copy_path.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

constexpr mode_t kOwnersDirectory = 0700;
constexpr mode_t kOwnersFile = 0600;

std::string TemporaryName() {
  std::random_device random;
  return absl::StrCat(".sluice-", absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

}  // namespace

absl::StatusOr<LocalFile> LocalFile::Create(UniqueFd directory, std::string name) {
  std::string temporary = TemporaryName();
  UniqueFd fd(openat(directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kOwnersFile));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("create a file beside ", name));
  return LocalFile(std::move(directory), std::move(name), std::move(temporary), std::move(fd));
}

LocalFile::~LocalFile() {
  if (fd_.valid()) unlinkat(directory_.get(), temporary_.c_str(), 0);
}

absl::Status LocalFile::Write(absl::string_view data) { return WriteAll(fd_.get(), data); }

absl::Status LocalFile::Commit(mode_t mode) {
  if (fchmod(fd_.get(), mode) != 0) return ErrnoError(errno, "set the mode");
  if (renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_.c_str()) != 0) {
    return ErrnoError(errno, absl::StrCat("rename to ", name_));
  }
  fd_.reset();
  return absl::OkStatus();
}

absl::StatusOr<LocalTree> LocalTree::Open(const std::string& path) {
  UniqueFd root(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  return LocalTree(std::move(root));
}

absl::StatusOr<UniqueFd> LocalTree::OpenAt(const std::string& path, int flags) const {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const char* const name = path.empty() ? "." : path.c_str();
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, root_.get(), name, &how, sizeof(how))));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  return fd;
}

absl::StatusOr<UniqueFd> LocalTree::OpenParent(const std::string& path) const {
  const size_t slash = path.rfind('/');
  return OpenAt(slash == path.npos ? "" : path.substr(0, slash), O_PATH | O_DIRECTORY);
}

absl::StatusOr<std::vector<LocalTree::Entry>> LocalTree::List(const std::string& path) const {
  absl::StatusOr<UniqueFd> fd = OpenAt(path, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return fd.status();
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(fdopendir(fd->get()), &closedir);
  if (directory == nullptr) return ErrnoError(errno, absl::StrCat("read ", path));
  fd->release();
  std::vector<Entry> entries;
  while (const dirent* item = readdir(directory.get())) {
    Entry entry{.name = item->d_name, .info = {}};
    if (entry.name == "." || entry.name == "..") continue;
    if (fstatat(dirfd(directory.get()), item->d_name, &entry.info, AT_SYMLINK_NOFOLLOW) == 0) {
      entries.push_back(std::move(entry));
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

absl::StatusOr<UniqueFd> LocalTree::OpenFile(const std::string& path) const {
  // A pipe that took the file's place is not waited for.
  absl::StatusOr<UniqueFd> fd = OpenAt(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info;
  if (!fd.ok()) return fd.status();
  if (fstat(fd->get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  }
  return fd;
}

absl::StatusOr<LocalFile> LocalTree::CreateFile(const std::string& path) const {
  absl::StatusOr<UniqueFd> parent = OpenParent(path);
  if (!parent.ok()) return parent.status();
  return LocalFile::Create(*std::move(parent), LastName(path));
}

absl::Status LocalTree::MakeDirectory(const std::string& path) const {
  const absl::StatusOr<UniqueFd> parent = OpenParent(path);
  if (!parent.ok()) return parent.status();
  if (mkdirat(parent->get(), LastName(path).c_str(), kOwnersDirectory) != 0 && errno != EEXIST) {
    return ErrnoError(errno, absl::StrCat("make directory ", path));
  }
  // What is there may be something else.
  return OpenAt(path, O_PATH | O_DIRECTORY).status();
}

absl::Status LocalTree::SetMode(const std::string& path, mode_t mode) const {
  const absl::StatusOr<UniqueFd> fd = OpenAt(path, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return fd.status();
  return fchmod(fd->get(), mode) == 0 ? absl::OkStatus() : ErrnoError(errno, absl::StrCat("set the mode of ", path));
}

absl::Status LocalTree::MakeLink(const std::string& target, const std::string& path) const {
  const absl::StatusOr<UniqueFd> parent = OpenParent(path);
  if (!parent.ok()) return parent.status();
  const std::string temporary = TemporaryName();
  if (symlinkat(target.c_str(), parent->get(), temporary.c_str()) != 0) {
    return ErrnoError(errno, absl::StrCat("make the link ", path));
  }
  if (renameat(parent->get(), temporary.c_str(), parent->get(), LastName(path).c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  unlinkat(parent->get(), temporary.c_str(), 0);
  return ErrnoError(error, absl::StrCat("make the link ", path));
}

}  // namespace sluice::cli
