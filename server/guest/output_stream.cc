#include "server/guest/output_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

namespace sluice {
namespace {

// More than a terminal holds: 64 KiB under way (the kernel's TTYB_DEFAULT_MEM_LIMIT)
// and 4 KiB of its line discipline. How much it does, it tells only in part.
constexpr size_t kMaxInTerminal = 128 * 1024;  // bytes

}  // namespace

OutputStream::OutputStream(UniqueFd fd, ProcessEvent::Kind kind) : fd_(std::move(fd)), kind_(kind) {
  if (fd_.valid()) fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

std::optional<ProcessEvent> OutputStream::Read() {
  if (!fd_.valid() || left_ == 0) return std::nullopt;
  std::string data(std::min(GuestProcess::kMaxChunk, left_), '\0');
  ssize_t n;
  while ((n = read(fd_.get(), data.data(), data.size())) < 0 && errno == EINTR) {
  }
  if (n < 0 && errno == EAGAIN) return std::nullopt;
  // A terminal's end is an EIO.
  if (n <= 0) {
    Close();
    return std::nullopt;
  }
  data.resize(static_cast<size_t>(n));
  if (left_ != kUnlimited) left_ -= data.size();
  return ProcessEvent{.kind = kind_, .data = std::move(data), .exit = {}};
}

void OutputStream::Await(EventLoop& loop, std::function<void()> callback) {
  if (!fd_.valid() || watch_ != nullptr) return;
  watch_ = loop.Watch(fd_.get(), EPOLLIN, [callback = std::move(callback)](uint32_t) { callback(); });
}

void OutputStream::KeepWhatIsThere() {
  int bytes = 0;
  if (!fd_.valid()) return;
  if (isatty(fd_.get()) == 1) {
    left_ = kMaxInTerminal;
  } else if (ioctl(fd_.get(), FIONREAD, &bytes) == 0) {
    left_ = static_cast<size_t>(bytes);
  }
}

void OutputStream::Close() {
  watch_ = nullptr;
  fd_.reset();
}

}  // namespace sluice
