#include "server/guest/console_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr size_t kMaxName = 256;  // bytes; a runtime sends the terminal's name along

// The first descriptor of a message; others are closed.
UniqueFd TakeDescriptor(msghdr& message) {
  UniqueFd taken;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
      UniqueFd owned(fd);
      if (!taken.valid()) taken = std::move(owned);
    }
  }
  return taken;
}

}  // namespace

absl::StatusOr<ConsoleSocket> ConsoleSocket::Make(const std::string& directory, const std::string& name) {
  UniqueFd parent(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid()) return ErrnoError(errno, absl::StrCat("open ", directory));
  std::string path = absl::StrCat("/proc/", getpid(), "/fd/", parent.get(), "/", name);
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof(address.sun_path)) return absl::InternalError(absl::StrCat("the name ", name, " is too long"));
  memcpy(address.sun_path, path.data(), path.size());
  ConsoleSocket socket(std::move(parent), std::move(path));
  socket.listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.listener_.valid()) return ErrnoError(errno, "socket");
  if (bind(socket.listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(socket.listener_.get(), 1) != 0) {
    return ErrnoError(errno, absl::StrCat("listen on ", directory, "/", name));
  }
  return socket;
}

ConsoleSocket::~ConsoleSocket() {
  if (listener_.valid()) unlink(path_.c_str());
}

absl::StatusOr<UniqueFd> ConsoleSocket::Receive() const {
  const UniqueFd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!peer.valid()) return absl::InternalError("the OCI runtime handed over no terminal");
  char name[kMaxName];
  iovec data = {.iov_base = name, .iov_len = sizeof(name)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(peer.get(), &message, MSG_CMSG_CLOEXEC) < 0) return ErrnoError(errno, "receive a terminal");
  UniqueFd terminal = TakeDescriptor(message);
  if (!terminal.valid() || isatty(terminal.get()) != 1) {
    return absl::InternalError("the OCI runtime handed over something else than a terminal");
  }
  return terminal;
}

}  // namespace sluice
