#include "netsvc/worker/control_server.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

#include "netsvc/base/big_endian.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

constexpr size_t kLengthSize = 4;
constexpr size_t kReadSize = 64 << 10;

void TakeDescriptors(msghdr& message, ControlServer::Descriptors& out) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const int* fds = reinterpret_cast<const int*>(CMSG_DATA(c));
    for (size_t i = 0; i < count; ++i) out.emplace_back(fds[i]);
  }
}

// As send(2); `descriptor`, where there is one, goes with the first byte.
ssize_t SendBytes(int socket, std::string& data, const UniqueFd& descriptor) {
  iovec part = {data.data(), data.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
  if (descriptor.valid()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = descriptor.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

}  // namespace

ControlServer::ControlServer(EventLoop& loop, UniqueFd listener, Handler handler)
    : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)) {
  accept_watch_ = loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { OnAccept(); });
}

void ControlServer::OnAccept() {
  UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection.valid()) return;
  Close();
  connection_ = std::move(connection);
  Watch(EPOLLIN);
}

void ControlServer::Watch(uint32_t events) {
  watched_ = events;
  watch_.reset();
  watch_ = loop_.Watch(connection_.get(), events, [this](uint32_t ready) { OnReady(ready); });
}

void ControlServer::Close() {
  watch_.reset();
  connection_.reset();
  input_.clear();
  output_.clear();
  output_descriptor_.reset();
  descriptors_.clear();
}

void ControlServer::OnReady(uint32_t events) {
  const bool alive = (events & EPOLLOUT) ? Send() && HandleBuffered() : Receive() && HandleBuffered();
  if (!alive) Close();
}

bool ControlServer::Receive() {
  std::array<char, kReadSize> chunk;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control;
  iovec part = {chunk.data(), chunk.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t n = recvmsg(connection_.get(), &message, MSG_CMSG_CLOEXEC);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  TakeDescriptors(message, descriptors_);
  if ((message.msg_flags & MSG_CTRUNC) != 0 || descriptors_.size() > kMaxDescriptors) return false;
  input_.append(chunk.data(), static_cast<size_t>(n));
  return n > 0;
}

bool ControlServer::HandleBuffered() {
  while (output_.empty() && input_.size() >= kLengthSize) {
    const size_t size = Load32(reinterpret_cast<const uint8_t*>(input_.data()));
    if (size > kMaxMessage) return false;
    if (input_.size() < kLengthSize + size) return true;
    internal::v1::Request request;
    if (!request.ParseFromArray(input_.data() + kLengthSize, static_cast<int>(size))) return false;
    input_.erase(0, kLengthSize + size);
    Answer answer = handler_(request, std::exchange(descriptors_, {}));
    answer.response.set_id(request.id());
    output_descriptor_ = std::move(answer.descriptor);
    const std::string body = answer.response.SerializeAsString();
    output_.resize(kLengthSize);
    Store32(reinterpret_cast<uint8_t*>(output_.data()), static_cast<uint32_t>(body.size()));
    output_ += body;
    if (!Send()) return false;
  }
  return true;
}

bool ControlServer::Send() {
  while (!output_.empty()) {
    const ssize_t n = SendBytes(connection_.get(), output_, output_descriptor_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return false;
    if (n < 0) break;
    output_descriptor_.reset();
    output_.erase(0, static_cast<size_t>(n));
  }
  // Requests wait in the socket while an answer does.
  const uint32_t events = output_.empty() ? EPOLLIN : EPOLLOUT;
  if (events != watched_) Watch(events);
  return true;
}

}  // namespace sluice
