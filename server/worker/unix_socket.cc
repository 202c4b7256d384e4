#include "server/worker/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr int kBacklog = 4;

// The address of `name` in an open directory. It holds while the directory is
// open.
absl::StatusOr<sockaddr_un> AddressIn(const UniqueFd& directory, const std::string& name) {
  const std::string path = absl::StrCat("/proc/self/fd/", directory.get(), "/", name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("the socket name ", name, " is too long"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  return fd;
}

}  // namespace

absl::StatusOr<UniqueFd> ListenUnix(const std::string& directory, const std::string& name) {
  const absl::StatusOr<UniqueFd> parent = OpenDirectory(directory);
  if (!parent.ok()) return parent.status();
  const absl::StatusOr<sockaddr_un> address = AddressIn(*parent, name);
  if (!address.ok()) return address.status();
  const std::string where = absl::StrCat(directory, "/", name);
  if (unlink(address->sun_path) != 0 && errno != ENOENT) return ErrnoError(errno, absl::StrCat("remove ", where));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoError(errno, "socket");
  // The mode of the descriptor is that of the file which bind() makes.
  if (fchmod(fd.get(), 0600) != 0) return ErrnoError(errno, absl::StrCat("chmod ", where));
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return ErrnoError(errno, absl::StrCat("listen on ", where));
  }
  return fd;
}

absl::StatusOr<UniqueFd> ConnectUnix(const std::string& directory, const std::string& name) {
  const absl::StatusOr<UniqueFd> parent = OpenDirectory(directory);
  if (!parent.ok()) return parent.status();
  const absl::StatusOr<sockaddr_un> address = AddressIn(*parent, name);
  if (!address.ok()) return address.status();
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoError(errno, "socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return absl::UnavailableError(absl::StrCat("connect to ", directory, "/", name, ": ", strerror(errno)));
  }
  return fd;
}

}  // namespace sluice
