#include "clients/cli/window_watch.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sluice::cli {

WindowWatch::WindowWatch() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGWINCH);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

v1::TerminalSize WindowWatch::Size() {
  v1::TerminalSize size;
  winsize window;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &window) != 0) return size;
  size.set_columns(window.ws_col);
  size.set_rows(window.ws_row);
  return size;
}

void WindowWatch::Clear() const {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof(info)) > 0) {
  }
}

}  // namespace sluice::cli
