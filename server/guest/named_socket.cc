#include "server/guest/named_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

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

// Whether `address` may be bound; a dead socket's is, once it is removed.
absl::Status MakeWay(int type, const sockaddr_un& address) {
  const auto taken = [&](const char* what) {
    return absl::AlreadyExistsError(absl::StrCat(address.sun_path, " is ", what, " already"));
  };
  struct stat info;
  if (lstat(address.sun_path, &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) return taken("a file");
  const UniqueFd probe = NewSocket(type);
  const bool dead = connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
                    errno == ECONNREFUSED;
  if (!dead) return taken("somebody's socket");
  if (unlink(address.sun_path) != 0 && errno != ENOENT) return ErrnoError(errno, absl::StrCat("remove ", address.sun_path));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<NamedSocket>> NamedSocket::Make(int type, const std::string& path) {
  const absl::StatusOr<sockaddr_un> address = AddressOf(path);
  if (!address.ok()) return address.status();
  struct stat directory, own;
  const std::string parent = std::filesystem::path(path).parent_path();
  if (stat(parent.c_str(), &directory) != 0 || !S_ISDIR(directory.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("there is no directory ", parent));
  }
  if (const absl::Status status = MakeWay(type, *address); !status.ok()) return status;
  UniqueFd fd = NewSocket(type);
  if (!fd.valid()) return ErrnoError(errno, "socket");
  // The mode of the descriptor is that of the file which bind() makes.
  if (fchmod(fd.get(), kOwnerAlone) != 0) return ErrnoError(errno, "fchmod");
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    if (errno == EADDRINUSE) return absl::AlreadyExistsError(absl::StrCat(path, " is there already"));
    return ErrnoError(errno, absl::StrCat("bind ", path));
  }
  if (lstat(path.c_str(), &own) != 0) return ErrnoError(errno, path);
  std::unique_ptr<NamedSocket> named(new NamedSocket(path, std::move(fd), own.st_ino));
  if (lchown(path.c_str(), directory.st_uid, directory.st_gid) != 0) return ErrnoError(errno, absl::StrCat("chown ", path));
  if (type == SOCK_STREAM && listen(named->fd_.get(), kBacklog) != 0) return ErrnoError(errno, "listen");
  return named;
}

NamedSocket::~NamedSocket() {
  struct stat info;
  if (lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_) unlink(path_.c_str());
}

absl::StatusOr<UniqueFd> NamedSocket::Duplicate() const {
  UniqueFd copy(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return ErrnoError(errno, "duplicate a socket");
  return copy;
}

}  // namespace sluice
