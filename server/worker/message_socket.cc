#include "server/worker/message_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/big_endian.h"

namespace sluice {
namespace {

constexpr size_t kLengthSize = 4;

absl::Status Gone(absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("the connection to the worker is gone: ", why));
}

absl::Status Wait(int socket, short events, absl::Time deadline) {
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("the worker did not answer in time");
    pollfd fd{.fd = socket, .events = events, .revents = 0};
    const int n = poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (n > 0) return absl::OkStatus();
    if (n < 0 && errno != EINTR) return Gone(strerror(errno));
  }
}

// Closes the descriptors that came, but for one where there is none in `kept`. Where
// there is room for one the kernel may well put two, for its alignment's sake.
void TakeDescriptors(msghdr& message, UniqueFd& kept) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
      UniqueFd descriptor(fd);
      if (!kept.valid()) kept = std::move(descriptor);
    }
  }
}

// As recv(2). The first descriptor that comes goes into `descriptor`.
ssize_t ReceiveBytes(int socket, char* at, size_t size, UniqueFd& descriptor) {
  iovec part{.iov_base = at, .iov_len = size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  const ssize_t n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (n >= 0) TakeDescriptors(header, descriptor);
  return n;
}

absl::Status Receive(int socket, char* at, size_t size, absl::Time deadline, UniqueFd& descriptor) {
  while (size > 0) {
    const ssize_t n = ReceiveBytes(socket, at, size, descriptor);
    if (n == 0) return Gone("closed");
    if (n > 0) {
      at += n;
      size -= static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      const absl::Status ready = Wait(socket, POLLIN, deadline);
      if (!ready.ok()) return ready;
    } else if (errno != EINTR) {
      return Gone(strerror(errno));
    }
  }
  return absl::OkStatus();
}

// Puts the descriptors into `message`, using `control` as their room.
void Attach(std::span<const int> descriptors, msghdr& message, std::span<char> control) {
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

}  // namespace

absl::Status SendMessage(int socket, absl::string_view message, std::span<const int> descriptors, absl::Time deadline) {
  if (message.size() > kMaxMessage) return absl::ResourceExhaustedError("the request is too long for the worker");
  if (descriptors.size() > kMaxDescriptors) return absl::InternalError("too many descriptors for one message");
  std::string data(kLengthSize, '\0');
  Store32(reinterpret_cast<uint8_t*>(data.data()), static_cast<uint32_t>(message.size()));
  absl::StrAppend(&data, message);
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxDescriptors * sizeof(int))] = {};
  size_t sent = 0;
  while (sent < data.size()) {
    iovec part{.iov_base = data.data() + sent, .iov_len = data.size() - sent};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (sent == 0 && !descriptors.empty()) Attach(descriptors, header, control);
    const ssize_t n = sendmsg(socket, &header, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      const absl::Status ready = Wait(socket, POLLOUT, deadline);
      if (!ready.ok()) return ready;
    } else if (errno != EINTR) {
      return Gone(strerror(errno));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReceiveMessage(int socket, absl::Time deadline) {
  absl::StatusOr<ReceivedMessage> message = ReceiveWithDescriptor(socket, kMaxMessage, deadline);
  if (!message.ok()) return message.status();
  return std::move(message->bytes);
}

absl::StatusOr<ReceivedMessage> ReceiveWithDescriptor(int socket, size_t max_size, absl::Time deadline) {
  ReceivedMessage received;
  uint8_t length[kLengthSize];
  absl::Status status =
      Receive(socket, reinterpret_cast<char*>(length), sizeof(length), deadline, received.descriptor);
  if (!status.ok()) return status;
  const uint32_t size = Load32(length);
  if (size > max_size) return Gone("a message that is too long");
  std::string& message = received.bytes;
  // Grows as bytes come: a length alone takes no memory.
  constexpr size_t kChunk = 64 << 10;
  while (message.size() < size) {
    const size_t old = message.size();
    message.resize(old + std::min(kChunk, size - old));
    status = Receive(socket, message.data() + old, message.size() - old, deadline, received.descriptor);
    if (!status.ok()) return status;
  }
  return received;
}

}  // namespace sluice
