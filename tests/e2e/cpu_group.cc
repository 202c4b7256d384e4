#include "tests/e2e/cpu_group.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/base/cgroup.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFile = 64 << 10;

std::string Text(const std::string& path) {
  return std::string(absl::StripAsciiWhitespace(ReadFile(path, kMaxFile).value_or("")));
}

bool HasCpu(const std::vector<std::string>& words) { return std::count(words.begin(), words.end(), "cpu") != 0; }

bool HasCpu(const CgroupMount& mount) {
  if (mount.version == 1) return HasCpu(mount.options);
  return HasCpu(absl::StrSplit(Text(mount.path + "/cgroup.controllers"), ' '));
}

// A process's path below `mount`, from a line "NUMBER:CONTROLLERS:PATH" each.
std::string PathBelow(const CgroupMount& mount, pid_t pid) {
  for (const absl::string_view line : absl::StrSplit(Text(absl::StrCat("/proc/", pid, "/cgroup")), '\n')) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (mount.version == 1 ? HasCpu(absl::StrSplit(parts[1], ',')) : parts[0] == "0") return parts[2];
  }
  return "";
}

}  // namespace

CpuGroup CpuGroupOf(pid_t pid) {
  for (const CgroupMount& mount : CgroupMounts()) {
    if (!HasCpu(mount)) continue;
    const fs::path directory = mount.path + PathBelow(mount, pid);
    return {.directory = directory,
            .name = directory.filename(),
            .version = mount.version,
            .weight = Text(directory / (mount.version == 1 ? "cpu.shares" : "cpu.weight"))};
  }
  return {};
}

void ExpectCpuGroup(pid_t pid, const std::string& name) {
  const CpuGroup group = CpuGroupOf(pid);
  if (group.directory.empty()) return;
  EXPECT_EQ(group.name, name);
  EXPECT_EQ(group.weight, group.version == 1 ? "1024" : "100");
}

void ExpectNoCgroups(const std::string& sandbox_uid) {
  std::error_code error;
  for (const CgroupMount& mount : CgroupMounts()) {
    for (const char* prefix : {"/sluice-", "/sluice-worker-"}) {
      const std::string path = absl::StrCat(mount.path, prefix, sandbox_uid);
      EXPECT_FALSE(fs::exists(path, error)) << path;
    }
  }
}

}  // namespace sluice::e2e
