#include "clients/cli/input_pump.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

namespace sluice::cli {
namespace {

constexpr size_t kChunkSize = 32 << 10;

}  // namespace

InputPump::InputPump(int fd, const WindowWatch* window, ExecStream& stream)
    : fd_(fd), window_(window), stream_(stream), stop_(eventfd(0, EFD_CLOEXEC)), thread_([this] { Run(); }) {}

InputPump::~InputPump() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

bool InputPump::SendInput() {
  std::array<char, kChunkSize> chunk;
  const ssize_t n = read(fd_, chunk.data(), chunk.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  v1::ExecRequest request;
  if (n > 0) {
    request.set_stdin(chunk.data(), static_cast<size_t>(n));
  } else {
    request.set_stdin_closed(true);
    ended_ = true;
  }
  return stream_.Write(request);
}

bool InputPump::SendSize() {
  window_->Clear();
  v1::ExecRequest request;
  *request.mutable_resize() = WindowWatch::Size();
  return stream_.Write(request);
}

void InputPump::Run() {
  // poll passes over a descriptor of -1.
  pollfd polled[] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                     {.fd = stop_.get(), .events = POLLIN, .revents = 0},
                     {.fd = window_ == nullptr ? -1 : window_->fd(), .events = POLLIN, .revents = 0}};
  while (poll(polled, 3, -1) > 0 && polled[1].revents == 0) {
    if (polled[2].revents != 0 && !SendSize()) return;
    if (polled[0].revents != 0 && !SendInput()) return;
    if (ended_ && window_ == nullptr) return;
    if (ended_) polled[0].fd = -1;
  }
}

}  // namespace sluice::cli
