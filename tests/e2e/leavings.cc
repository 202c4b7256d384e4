#include "tests/e2e/leavings.h"

#include <dirent.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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

// `hidden`: what is another after a restart of the server, and means nothing.
void AddOutput(const lab::Lab& lab, const std::string& what, const std::vector<std::string>& command,
               const std::string& hidden, Lines& lines) {
  const auto result = lab.RunInHost(command);
  ASSERT_TRUE(result.ok() && result->exit_code == 0) << what << ": " << result.status();
  const std::string out = absl::StrReplaceAll(result->out, {{hidden, "..."}});
  for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
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
void ForgetGrpcs(Lines& now, Lines& before) {
  constexpr size_t kOfGrpc = 3;
  const std::string anonymous = "descriptor anon_inode";
  if (now.count(anonymous) > before.count(anonymous) + kOfGrpc) return;
  now.erase(anonymous);
  before.erase(anonymous);
}

}  // namespace

Lines Leavings(const lab::Lab& lab, const ServerProcess& server) {
  Lines lines;
  const std::string api = absl::StrCat("127.0.0.1:", server.tcp_port(), " ");
  AddDescriptors(server.pid(), lines);
  AddChildren(server.pid(), lines);
  AddOutput(lab, "link", {"ip", "-o", "link"}, api, lines);
  AddOutput(lab, "socket", {"ss", "-Htuln"}, api, lines);
  AddFiles(server.state_dir(), lines);
  for (const char* mounts : {"/proc/self/mounts", "/proc/1/mounts"}) {
    const std::string all = ReadProc(mounts);
    for (const absl::string_view line : absl::StrSplit(all, '\n', absl::SkipEmpty())) {
      if (absl::StrContains(line, server.state_dir())) lines.insert(absl::StrCat("mount ", line));
    }
  }
  return lines;
}

std::string NewLeavings(const lab::Lab& lab, const ServerProcess& server,
                        const std::multiset<std::string>& at_first, absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  while (true) {
    Lines now = Leavings(lab, server);
    Lines before = at_first;
    ForgetGrpcs(now, before);
    Lines more, less;
    std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::inserter(more, more.end()));
    std::set_difference(before.begin(), before.end(), now.begin(), now.end(), std::inserter(less, less.end()));
    if ((more.empty() && less.empty()) || absl::Now() > deadline) {
      std::string difference;
      for (const std::string& line : more) absl::StrAppend(&difference, "+ ", line, "\n");
      for (const std::string& line : less) absl::StrAppend(&difference, "- ", line, "\n");
      return difference;
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
}

}  // namespace sluice::e2e
