#include "tests/e2e/tmux.h"

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

// How often a screen is looked at; a person looks less often.
constexpr absl::Duration kGlance = absl::Milliseconds(50);

bool LookUntil(const std::function<bool()>& seen) {
  const absl::Time deadline = absl::Now() + Tmux::kTimeout;
  while (!seen()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(kGlance);
  }
  return true;
}

}  // namespace

Tmux::Tmux(const std::string& shell, int columns, int rows) {
  std::string pattern = "/tmp/sluice-tmux.XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  Run({"new-session", "-d", "-x", absl::StrCat(columns), "-y", absl::StrCat(rows), shell});
  Run({"set-option", "-g", "status", "off"});
}

Tmux::~Tmux() {
  Close();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Tmux::Close() {
  if (!std::exchange(closed_, true)) Run({"kill-server"});
}

std::string Tmux::Run(const std::vector<std::string>& args) {
  std::vector<std::string> command = {"env", "TERM=xterm", "LC_ALL=C.UTF-8", "tmux", "-f", "/dev/null", "-S",
                                      absl::StrCat(directory_, "/socket")};
  command.insert(command.end(), args.begin(), args.end());
  const auto result = lab::RunCommand(command, kTimeout);
  EXPECT_TRUE(result.ok() && result->exit_code == 0) << args.front() << ": " << (result.ok() ? result->err : result.status().ToString());
  return result.ok() ? result->out : "";
}

void Tmux::Press(const std::string& key) { Run({"send-keys", key}); }
void Tmux::Type(const std::string& text) { Run({"send-keys", "-l", "--", text}); }
void Tmux::TypeLine(const std::string& text) {
  Type(text);
  Press("Enter");
}

void Tmux::Resize(int columns, int rows) {
  Run({"resize-window", "-x", absl::StrCat(columns), "-y", absl::StrCat(rows)});
}

std::string Tmux::Screen() { return Run({"capture-pane", "-p"}); }

void Tmux::Await(absl::string_view text) {
  std::string screen;
  EXPECT_TRUE(LookUntil([&] { return absl::StrContains(screen = Screen(), text); })) << "no " << text << " in\n" << screen;
}

void Tmux::AwaitLastLine(absl::string_view line) {
  std::string screen;
  const auto seen = [&] {
    screen = Screen();
    const std::vector<std::string> lines = absl::StrSplit(screen, '\n', absl::SkipWhitespace());
    return !lines.empty() && lines.back() == line;
  };
  EXPECT_TRUE(LookUntil(seen)) << "the last line is not " << line << " in\n" << screen;
}

}  // namespace sluice::e2e
