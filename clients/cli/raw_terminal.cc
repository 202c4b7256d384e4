#include "clients/cli/raw_terminal.h"

#include <errno.h>

namespace sluice::cli {
namespace {

void Apply(int fd, const termios& settings) {
  // What is typed already stays.
  while (tcsetattr(fd, TCSADRAIN, &settings) != 0 && errno == EINTR) {
  }
}

}  // namespace

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  termios settings;
  if (tcgetattr(fd_, &settings) != 0) return;
  before_ = settings;
  cfmakeraw(&settings);
  Apply(fd_, settings);
}

RawTerminal::~RawTerminal() {
  if (before_) Apply(fd_, *before_);
}

}  // namespace sluice::cli
