#include "netsvc/link/stream_link.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "netsvc/base/big_endian.h"
#include "netsvc/base/io.h"

namespace sluice::link {
namespace {

constexpr size_t kLengthSize = FrameQueue::kLengthSize;
// Three of the largest frames, or some batches of ordinary ones.
constexpr size_t kBufferSize = 3 * (kLengthSize + packet::kMaxFrameSize);

}  // namespace

absl::StatusOr<std::unique_ptr<StreamLink>> StreamLink::Create(UniqueFd listener) {
  if (fcntl(listener.get(), F_SETFL, O_NONBLOCK) < 0) return ErrnoError(errno, "fcntl");
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return ErrnoError(errno, "epoll_create1");
  epoll_event event = {.events = EPOLLIN, .data = {.fd = listener.get()}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener.get(), &event) < 0) return ErrnoError(errno, "epoll_ctl");
  return std::unique_ptr<StreamLink>(new StreamLink(std::move(listener), std::move(epoll)));
}

StreamLink::StreamLink(UniqueFd listener, UniqueFd epoll)
    : listener_(std::move(listener)), epoll_(std::move(epoll)), buffer_(kBufferSize) {}

absl::StatusOr<std::span<packet::Frame>> StreamLink::Read() {
  if (!peer_.valid()) Accept();
  if (awaits_room_) Flush();
  if (!HoldsFrame()) Receive();
  return TakeFrames();
}

void StreamLink::Accept() {
  UniqueFd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!peer.valid()) return;  // nobody, or no descriptor for it: the next turn tries again
  epoll_event event = {.events = EPOLLIN, .data = {.fd = peer.get()}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.get(), &event) < 0) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
  peer_ = std::move(peer);
}

void StreamLink::Disconnect() {
  peer_.reset();
  awaits_room_ = false;
  queue_.Clear();
  taken_ = received_ = 0;
  epoll_event event = {.events = EPOLLIN, .data = {.fd = listener_.get()}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
}

void StreamLink::Receive() {
  if (!peer_.valid()) return;
  std::copy(buffer_.begin() + static_cast<ptrdiff_t>(taken_), buffer_.begin() + static_cast<ptrdiff_t>(received_),
            buffer_.begin());
  received_ -= std::exchange(taken_, 0);
  const ssize_t n = recv(peer_.get(), buffer_.data() + received_, buffer_.size() - received_, MSG_DONTWAIT);
  if (n > 0) {
    received_ += static_cast<size_t>(n);
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    Disconnect();
  }
}

bool StreamLink::HoldsFrame() const {
  const size_t held = received_ - taken_;
  return held >= kLengthSize && held - kLengthSize >= Load32(&buffer_[taken_]);
}

std::span<packet::Frame> StreamLink::TakeFrames() {
  size_t count = 0;
  while (count < kMaxBatch && received_ - taken_ >= kLengthSize) {
    const size_t size = Load32(&buffer_[taken_]);
    if (size > packet::kMaxFrameSize) {
      ++counters_.bad_lengths;
      Disconnect();  // the frames before it lie in the buffer still
      break;
    }
    if (!HoldsFrame()) break;
    if (size > 0) frames_[count++] = {std::span(buffer_).subspan(taken_ + kLengthSize, size), {}};
    taken_ += kLengthSize + size;
  }
  counters_.frames_read += count;
  return std::span(frames_).first(count);
}

void StreamLink::Write(std::span<const uint8_t> frame, const packet::Offload&) {
  const bool taken = peer_.valid() && queue_.Push(frame);
  ++(taken ? counters_.frames_written : counters_.frames_dropped);
}

void StreamLink::Flush() {
  while (peer_.valid() && !queue_.empty()) {
    const std::span<const uint8_t> bytes = queue_.bytes();
    const ssize_t n = send(peer_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      queue_.Consume(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      return AwaitRoom(true);
    } else if (errno != EINTR) {
      return Disconnect();
    }
  }
  AwaitRoom(false);
}

void StreamLink::AwaitRoom(bool wanted) {
  if (awaits_room_ == wanted) return;
  awaits_room_ = wanted;
  epoll_event event = {.events = EPOLLIN, .data = {.fd = peer_.get()}};
  if (wanted) event.events |= EPOLLOUT;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, peer_.get(), &event);
}

}  // namespace sluice::link
