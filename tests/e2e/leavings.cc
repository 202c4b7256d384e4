#include "tests/e2e/leavings.h"

#include <dirent.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;

using Lines = std::multiset<std::string>;

std::string ReadProc(const fs::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::string> Names(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename());
  }
  return names;
}

// "socket:[123]" without the number.
std::string WithoutNumber(const std::string& name) { return name.substr(0, name.find(":[")); }

void AddDescriptors(int pid, Lines& lines) {
  const fs::path directory = absl::StrCat("/proc/", pid, "/fd");
  std::error_code error;
  for (const std::string& name : Names(directory)) {
    lines.insert(absl::StrCat("descriptor ", WithoutNumber(fs::read_symlink(directory / name, error))));
  }
}

// The server's own descendants, zombies too.
void AddChildren(int pid, Lines& lines) {
  for (const std::string& task : Names(absl::StrCat("/proc/", pid, "/task"))) {
    const std::string children = ReadProc(absl::StrCat("/proc/", pid, "/task/", task, "/children"));
    for (const absl::string_view word : absl::StrSplit(children, ' ', absl::SkipEmpty())) {
      int child = 0;
      if (!absl::SimpleAtoi(word, &child)) continue;
      lines.insert(absl::StrCat("process ", ReadProc(absl::StrCat("/proc/", child, "/comm"))));
      AddChildren(child, lines);
    }
  }
}

void AddOutput(const lab::Lab& lab, const std::string& what, const std::vector<std::string>& command, Lines& lines) {
  const auto result = lab.RunInHost(command);
  ASSERT_TRUE(result.ok() && result->exit_code == 0) << what << ": " << result.status();
  for (const absl::string_view line : absl::StrSplit(result->out, '\n', absl::SkipEmpty())) {
    lines.insert(absl::StrCat(what, " ", line));
  }
}

void AddFiles(const std::string& directory, Lines& lines) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (absl::StartsWith(at->path().string(), absl::StrCat(directory, "/audit/"))) continue;
    lines.insert(absl::StrCat("file ", at->path().string()));
  }
}

// gRPC makes an eventfd or an epoll set more when one more of its threads comes
// to be: a few of them are no sandbox's, whose leavings would grow with each.
bool AreSame(Lines now, Lines before) {
  constexpr size_t kOfGrpc = 3;
  const std::string anonymous = "descriptor anon_inode";
  const size_t more = now.erase(anonymous);
  const size_t less = before.erase(anonymous);
  return now == before && more <= less + kOfGrpc;
}

}  // namespace

void ExpectLeavings(const lab::Lab& lab, const ServerProcess& server, const Lines& before) {
  constexpr absl::Duration kMoment = absl::Seconds(10);
  const absl::Time deadline = absl::Now() + kMoment;
  Lines now = Leavings(lab, server);
  while (!AreSame(now, before) && absl::Now() < deadline) now = Leavings(lab, server);
  if (AreSame(now, before)) return;
  EXPECT_EQ(now, before);
}

Lines Leavings(const lab::Lab& lab, const ServerProcess& server) {
  Lines lines;
  AddDescriptors(server.pid(), lines);
  AddChildren(server.pid(), lines);
  AddOutput(lab, "link", {"ip", "-o", "link"}, lines);
  AddOutput(lab, "socket", {"ss", "-Htuln"}, lines);
  AddFiles(server.state_dir(), lines);
  for (const char* mounts : {"/proc/self/mounts", "/proc/1/mounts"}) {
    const std::string all = ReadProc(mounts);
    for (const absl::string_view line : absl::StrSplit(all, '\n', absl::SkipEmpty())) {
      if (absl::StrContains(line, server.state_dir())) lines.insert(absl::StrCat("mount ", line));
    }
  }
  return lines;
}

}  // namespace sluice::e2e
