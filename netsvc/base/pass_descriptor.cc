#include "netsvc/base/pass_descriptor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "netsvc/base/io.h"

namespace sluice {
namespace {

// One byte, and room for one descriptor.
struct Message {
  Message() {
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char byte = 0;
  iovec data = {.iov_base = &byte, .iov_len = sizeof(byte)};
  msghdr header = {};
};

}  // namespace

absl::Status PassDescriptor(const UniqueFd& socket, const UniqueFd& fd) {
  Message message;
  cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = fd.get();
  memcpy(CMSG_DATA(control), &number, sizeof(number));
  ssize_t n;
  while ((n = sendmsg(socket.get(), &message.header, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  return n < 0 ? absl::UnavailableError("the other end takes no descriptor") : absl::OkStatus();
}

absl::StatusOr<UniqueFd> TakeDescriptor(const UniqueFd& socket) {
  Message message;
  const ssize_t n = recvmsg(socket.get(), &message.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return UniqueFd();
  if (n < 0) return ErrnoError(errno, "receive a descriptor");
  if (n == 0) return absl::FailedPreconditionError("the other end, which passes descriptors, is closed");
  const cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS) return UniqueFd();
  int fd;
  memcpy(&fd, CMSG_DATA(control), sizeof(fd));
  return UniqueFd(fd);
}

}  // namespace sluice
