#include "server/access/listening_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/worker/unix_socket.h"

namespace sluice {
namespace {

// The kernel takes it down to its own limit (net.core.somaxconn).
constexpr int kBacklog = 4096;
// A sockaddr_un less the NUL.
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

absl::Status CannotListen(const std::string& where, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("cannot listen at ", where, ": ", why));
}

absl::Status MakeWay(const std::string& path) {
  if (path.empty() || path.size() > kMaxSocketPath) {
    return CannotListen(path, absl::StrCat("a socket's path has 1 to ", kMaxSocketPath, " bytes"));
  }
  const std::filesystem::path parts(path);
  const std::string directory = parts.has_parent_path() ? parts.parent_path().string() : ".";
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return CannotListen(path, absl::StrCat(directory, " is not a directory"));
  }
  const std::filesystem::file_status there = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::exists(there)) return absl::OkStatus();
  if (!std::filesystem::is_socket(there)) return CannotListen(path, "what stands there is not a socket");
  if (ConnectUnix(directory, parts.filename()).ok()) return CannotListen(path, "somebody listens there already");
  if (unlink(path.c_str()) != 0) return CannotListen(path, strerror(errno));
  return absl::OkStatus();
}

UniqueFd NewSocket(int family) { return UniqueFd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

std::optional<Endpoint> OwnEndpoint(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return Endpoint::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage));
}

// "" where it has none.
std::string OwnPath(int fd) {
  sockaddr_un address = {};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  if (size <= offsetof(sockaddr_un, sun_path)) return "";
  return std::string(address.sun_path, strnlen(address.sun_path, size - offsetof(sockaddr_un, sun_path)));
}

}  // namespace

absl::StatusOr<ListeningSocket> ListeningSocket::Unix(const std::string& path, mode_t mode) {
  if (const absl::Status ready = MakeWay(path); !ready.ok()) return ready;
  ListeningSocket listening(NewSocket(AF_UNIX), absl::StrCat("unix:", path));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  memcpy(address.sun_path, path.data(), path.size());
  struct stat info;
  // The mode of the descriptor is that of the file which bind() makes, less the
  // process's umask.
  if (fchmod(listening.fd(), S_IRUSR | S_IWUSR) != 0 ||
      bind(listening.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      lstat(path.c_str(), &info) != 0) {
    return CannotListen(path, strerror(errno));
  }
  listening.path_ = path;
  listening.inode_ = info.st_ino;
  if (chmod(path.c_str(), mode) != 0 || listen(listening.fd(), kBacklog) != 0) return CannotListen(path, strerror(errno));
  return listening;
}

absl::StatusOr<ListeningSocket> ListeningSocket::Tcp(const Endpoint& endpoint) {
  ListeningSocket listening(NewSocket(endpoint.address.is_v6() ? AF_INET6 : AF_INET), "");
  const int on = 1;
  sockaddr_storage storage;
  const socklen_t size = endpoint.ToSockaddr(storage);
  // Connections take TCP_NODELAY over from it.
  if (setsockopt(listening.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      setsockopt(listening.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
      bind(listening.fd(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
      listen(listening.fd(), kBacklog) != 0) {
    return CannotListen(endpoint.ToString(), strerror(errno));
  }
  listening.tcp_ = OwnEndpoint(listening.fd());
  if (!listening.tcp_) return CannotListen(endpoint.ToString(), strerror(errno));
  listening.name_ = listening.tcp_->ToString();
  return listening;
}

absl::StatusOr<ListeningSocket> ListeningSocket::Adopt(UniqueFd fd) {
  if (sd_is_socket(fd.get(), AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
    return CannotListen("the socket that the service manager passed", "it is not a listening stream socket");
  }
  if (sd_is_socket(fd.get(), AF_UNIX, SOCK_STREAM, 1) > 0) {
    std::string name = absl::StrCat("unix:", OwnPath(fd.get()));
    return ListeningSocket(std::move(fd), std::move(name));
  }
  const std::optional<Endpoint> endpoint = OwnEndpoint(fd.get());
  if (!endpoint) {
    return CannotListen("the socket that the service manager passed", "it is neither a Unix nor a TCP socket");
  }
  ListeningSocket listening(std::move(fd), endpoint->ToString());
  listening.tcp_ = endpoint;
  return listening;
}

absl::StatusOr<std::vector<ListeningSocket>> ListeningSocket::Passed() {
  // Workers and guests must not take them for theirs.
  const int count = sd_listen_fds(/*unset_environment=*/1);
  if (count < 0) return absl::FailedPreconditionError(absl::StrCat("LISTEN_FDS: ", strerror(-count)));
  std::vector<ListeningSocket> passed;
  for (int i = 0; i < count; ++i) {
    UniqueFd fd(SD_LISTEN_FDS_START + i);
    absl::StatusOr<ListeningSocket> socket = Adopt(std::move(fd));
    if (!socket.ok()) return socket.status();
    passed.push_back(*std::move(socket));
  }
  return passed;
}

ListeningSocket::~ListeningSocket() {
  struct stat info;
  // Not one that somebody else put there since.
  if (!fd_.valid() || path_.empty() || lstat(path_.c_str(), &info) != 0 || info.st_ino != inode_) return;
  unlink(path_.c_str());
}

}  // namespace sluice
