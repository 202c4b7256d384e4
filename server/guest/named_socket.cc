#include "server/guest/named_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "server/guest/path_roots.h"

namespace sluice {
namespace {

constexpr mode_t kOwnerAlone = 0600;
// One is served at a time; a few may wait.
constexpr int kBacklog = 4;

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is too long for a socket's address"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd NewSocket(int type) { return UniqueFd(socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

std::string NameOf(const std::string& path) { return std::filesystem::path(path).filename(); }

// Whether `address`, a name in `directory`, may be bound; a dead socket's is, once
// it is removed.
absl::Status MakeWay(int type, const UniqueFd& directory, const sockaddr_un& address) {
  const auto taken = [&](const char* what) {
    return absl::AlreadyExistsError(absl::StrCat(address.sun_path, " is ", what, " already"));
  };
  struct stat info;
  const std::string name = NameOf(address.sun_path);
  if (fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) return taken("a file");
  const UniqueFd probe = NewSocket(type);
  const bool dead = connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
                    errno == ECONNREFUSED;
  if (!dead) return taken("somebody's socket");
  if (unlinkat(directory.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoError(errno, absl::StrCat("remove ", address.sun_path));
  }
  return absl::OkStatus();
}

// Gives the socket that this process has just bound to the directory's owner, and
// returns its inode. bind() goes by the path alone: where somebody has put another
// directory there meanwhile, what stands in this one is not that socket.
absl::StatusOr<ino_t> GiveToOwner(const UniqueFd& directory, const std::string& path) {
  const UniqueFd file(openat(directory.get(), NameOf(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat own, parent;
  if (!file.valid() || fstat(file.get(), &own) != 0 || fstat(directory.get(), &parent) != 0 || !S_ISSOCK(own.st_mode) ||
      own.st_uid != geteuid() || (own.st_mode & ~S_IFMT) != kOwnerAlone) {
    return absl::AbortedError(absl::StrCat("somebody has changed the directory of ", path, " meanwhile"));
  }
  if (fchownat(file.get(), "", parent.st_uid, parent.st_gid, AT_EMPTY_PATH) != 0) {
    return ErrnoError(errno, absl::StrCat("chown ", path));
  }
  return own.st_ino;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NamedSocket>> NamedSocket::Make(int type, const std::string& path) {
  const absl::StatusOr<sockaddr_un> address = AddressOf(path);
  if (!address.ok()) return address.status();
  const std::string parent = std::filesystem::path(path).parent_path();
  absl::StatusOr<UniqueFd> directory = OpenDirectoryExactly(parent);
  if (!directory.ok()) return absl::InvalidArgumentError(absl::StrCat("there is no directory ", parent));
  if (const absl::Status status = MakeWay(type, *directory, *address); !status.ok()) return status;
  UniqueFd fd = NewSocket(type);
  if (!fd.valid()) return ErrnoError(errno, "socket");
  // The mode of the descriptor is that of the file which bind() makes.
  if (fchmod(fd.get(), kOwnerAlone) != 0) return ErrnoError(errno, "fchmod");
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    if (errno == EADDRINUSE) return absl::AlreadyExistsError(absl::StrCat(path, " is there already"));
    return ErrnoError(errno, absl::StrCat("bind ", path));
  }
  const absl::StatusOr<ino_t> inode = GiveToOwner(*directory, path);
  if (!inode.ok()) return inode.status();
  std::unique_ptr<NamedSocket> named(new NamedSocket(path, *std::move(directory), std::move(fd), *inode));
  if (type == SOCK_STREAM && listen(named->fd_.get(), kBacklog) != 0) return ErrnoError(errno, "listen");
  return named;
}

absl::StatusOr<std::unique_ptr<NamedSocket>> NamedSocket::Adopt(const std::string& path, UniqueFd fd) {
  sockaddr_un address = {};
  socklen_t size = sizeof(address);
  struct stat own;
  absl::StatusOr<UniqueFd> directory = OpenDirectoryExactly(std::filesystem::path(path).parent_path());
  const bool its = getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                   address.sun_family == AF_UNIX && path == address.sun_path && directory.ok() &&
                   fstatat(directory->get(), NameOf(path).c_str(), &own, AT_SYMLINK_NOFOLLOW) == 0;
  if (!its) return absl::NotFoundError(absl::StrCat("the descriptor is not that of the socket ", path));
  return std::unique_ptr<NamedSocket>(new NamedSocket(path, *std::move(directory), std::move(fd), own.st_ino));
}

NamedSocket::~NamedSocket() {
  if (left_) return;
  struct stat info;
  const std::string name = NameOf(path_);
  if (fstatat(directory_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_ino == inode_) {
    unlinkat(directory_.get(), name.c_str(), 0);
  }
}

absl::StatusOr<UniqueFd> NamedSocket::Duplicate() const {
  UniqueFd copy(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return ErrnoError(errno, "duplicate a socket");
  return copy;
}

}  // namespace sluice
