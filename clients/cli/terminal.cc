#include "clients/cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

// ECMA-48 and xterm's private modes: the alternate screen, the cursor.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";
constexpr char kHome[] = "\x1b[H";
constexpr char kEraseLine[] = "\x1b[K";
constexpr char kEraseBelow[] = "\x1b[J";
constexpr char kReverse[] = "\x1b[7m";
constexpr char kPlain[] = "\x1b[0m";
constexpr char kControlC = 3;

}  // namespace

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Open() {
  termios before;
  if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0) {
    return absl::FailedPreconditionError("this is no terminal");
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&signals, each);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, "signalfd");
  std::unique_ptr<Terminal> terminal(new Terminal(before, std::move(fd)));
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  WriteAll(STDOUT_FILENO, kEnter).IgnoreError();
  return terminal;
}

Terminal::~Terminal() {
  WriteAll(STDOUT_FILENO, kLeave).IgnoreError();
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

ScreenSize Terminal::size() const {
  winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

absl::Status Terminal::Draw(const std::vector<std::string>& lines) {
  std::string out = kHome;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) absl::StrAppend(&out, "\r\n");
    absl::StrAppend(&out, i == 0 ? kReverse : "", lines[i], i == 0 ? kPlain : "", kEraseLine);
  }
  absl::StrAppend(&out, kEraseBelow);
  return WriteAll(STDOUT_FILENO, out);
}

Terminal::Wake Terminal::Wait(absl::Time deadline) {
  pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                     {.fd = signals_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    const int ready = poll(polled, 2, static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (ready < 0 && errno != EINTR) return Wake::kQuit;
    if (ready == 0) return Wake::kTime;
    if (ready > 0 && polled[1].revents != 0) {
      signalfd_siginfo signal;
      if (read(signals_.get(), &signal, sizeof(signal)) != sizeof(signal)) return Wake::kQuit;
      return signal.ssi_signo == SIGWINCH ? Wake::kResized : Wake::kQuit;
    }
    char key = 0;
    if (ready > 0 && polled[0].revents != 0) {
      if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == kControlC) return Wake::kQuit;
    }
  }
}

}  // namespace sluice::cli
