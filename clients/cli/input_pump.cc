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

InputPump::InputPump(int fd, ExecStream& stream)
    : fd_(fd), stream_(stream), stop_(eventfd(0, EFD_CLOEXEC)), thread_([this] { Run(); }) {}

InputPump::~InputPump() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void InputPump::Run() {
  std::array<char, kChunkSize> chunk;
  pollfd polled[] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                     {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  while (poll(polled, 2, -1) > 0 && polled[1].revents == 0) {
    const ssize_t n = read(fd_, chunk.data(), chunk.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    v1::ExecRequest request;
    if (n > 0) {
      request.set_stdin(chunk.data(), static_cast<size_t>(n));
    } else {
      request.set_stdin_closed(true);
    }
    if (!stream_.Write(request) || n <= 0) return;
  }
}

}  // namespace sluice::cli
