#include "server/guest/input_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <utility>

namespace sluice {

InputStream::InputStream(EventLoop& loop, UniqueFd fd)
    : loop_(loop), fd_(std::move(fd)), is_terminal_(isatty(fd_.get()) == 1) {
  fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

void InputStream::Write(const std::string& data, std::function<void()> callback) {
  if (!data.empty()) line_is_open_ = data.back() != '\n' && data.back() != '\r';
  data_ += data;
  taken_ = std::move(callback);
  Continue();
}

void InputStream::End() {
  if (!is_terminal_) return Close();
  data_ += EndOfInput();
  line_is_open_ = false;
  Continue();
}

// A line that is open is ended by the first, which the program reads as its end
// only; a program that takes every key by itself (raw mode) is given one.
std::string InputStream::EndOfInput() const {
  termios settings;
  if (!fd_.valid() || tcgetattr(fd_.get(), &settings) != 0) return "";
  const cc_t end = settings.c_cc[VEOF];
  if (end == _POSIX_VDISABLE) return "";
  const bool by_line = (settings.c_lflag & ICANON) != 0;
  return std::string(by_line && line_is_open_ ? 2 : 1, static_cast<char>(end));
}

void InputStream::Resize(TerminalSize size) {
  const winsize window = {.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  if (is_terminal_ && fd_.valid()) ioctl(fd_.get(), TIOCSWINSZ, &window);
}

void InputStream::Continue() {
  while (fd_.valid() && written_ < data_.size()) {
    const ssize_t n = write(fd_.get(), data_.data() + written_, data_.size() - written_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (!watch_) watch_ = loop_.Watch(fd_.get(), EPOLLOUT, [this](uint32_t) { Continue(); });
      return;
    }
    // Nobody reads any more.
    if (n < 0) return Close();
    written_ += static_cast<size_t>(n);
  }
  watch_ = nullptr;
  data_.clear();
  written_ = 0;
  if (taken_) std::exchange(taken_, nullptr)();
}

void InputStream::Close() {
  watch_ = nullptr;
  fd_.reset();
  data_.clear();
  written_ = 0;
  if (taken_) std::exchange(taken_, nullptr)();
}

void InputStream::Abandon() {
  taken_ = nullptr;
  Close();
}

}  // namespace sluice
