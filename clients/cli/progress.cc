#include "clients/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "clients/cli/text.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

// What a person takes for at once.
constexpr auto kPatience = std::chrono::milliseconds(700);
constexpr auto kRedraw = std::chrono::milliseconds(200);
// To the line's begin, and all of it erased (ECMA-48).
constexpr char kWipe[] = "\r\x1b[K";

void Draw(absl::string_view line) {
  winsize window;
  const size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
  // A line that wraps could not be wiped.
  WriteAll(STDERR_FILENO, absl::StrCat(kWipe, line.substr(0, columns - 1))).IgnoreError();
}

}  // namespace

Progress::Progress(absl::string_view doing) : doing_(Printable(doing)), began_(absl::Now()) {
  if (isatty(STDERR_FILENO) == 1) thread_ = std::thread([this] { Run(); });
}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Progress::Update(absl::string_view state) {
  const std::lock_guard lock(mutex_);
  state_ = Printable(state);
}

void Progress::Run() {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, kPatience, [this] { return ended_; })) return;
  do {
    const std::string seconds = absl::StrCat(absl::ToInt64Seconds(absl::Now() - began_), " s");
    Draw(absl::StrCat(doing_, "... ", state_, state_.empty() ? "" : ", ", seconds));
  } while (!changed_.wait_for(lock, kRedraw, [this] { return ended_; }));
  Draw("");
}

}  // namespace sluice::cli
