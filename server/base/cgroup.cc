#include "server/base/cgroup.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr size_t kMaxMounts = 1 << 20;       // bytes of /proc/self/mounts
constexpr size_t kMaxControllers = 4 << 10;  // bytes of a list of controllers
constexpr char kGuestPrefix[] = "sluice-";
constexpr char kWorkerPrefix[] = "sluice-worker-";
constexpr char kTrialPrefix[] = "sluice-worker-trial-";
// No trial takes so long.
constexpr time_t kTrialSeconds = 60;
constexpr char kCpu[] = "cpu";

bool HasCpu(const std::vector<std::string>& words) { return std::find(words.begin(), words.end(), kCpu) != words.end(); }

// Is the cpu controller in a list of version 2's?
bool ListsCpu(const std::string& path) {
  return HasCpu(absl::StrSplit(ReadFile(path, kMaxControllers).value_or(""), absl::ByAnyChar(" \n")));
}

// Whether cgroups below the root of version 2 have weights. Others on the host, such as
// systemd, may have turned it off since.
absl::Status TurnOnCpu(const std::string& mount) {
  const std::string file = absl::StrCat(mount, "/cgroup.subtree_control");
  if (ListsCpu(file)) return absl::OkStatus();
  const absl::Status status = WriteFile(file, absl::StrCat("+", kCpu));
  return status.ok() ? status : absl::Status(status.code(), absl::StrCat("+cpu to ", file, ": ", status.message()));
}

}  // namespace

std::vector<CgroupMount> CgroupMounts(const std::string& mounts) {
  std::vector<CgroupMount> found;
  const std::string text = ReadFile(mounts, kMaxMounts).value_or("");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    // What, where, type, options (proc(5)).
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() < 4 || (words[2] != "cgroup" && words[2] != "cgroup2")) continue;
    found.push_back({.path = words[1], .version = words[2] == "cgroup" ? 1 : 2, .options = absl::StrSplit(words[3], ',')});
  }
  return found;
}

std::string GuestCgroup(absl::string_view sandbox_uid) { return absl::StrCat(kGuestPrefix, sandbox_uid); }
std::string WorkerCgroup(absl::string_view sandbox_uid) { return absl::StrCat(kWorkerPrefix, sandbox_uid); }

std::string TrialCgroup() { return absl::StrCat(kTrialPrefix, getpid()); }

void RemoveOldTrials(const std::string& mount) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(mount, ignored)) {
    const std::string path = entry.path();
    struct stat info;
    if (!absl::StartsWith(entry.path().filename().string(), kTrialPrefix) || stat(path.c_str(), &info) != 0) continue;
    if (time(nullptr) - info.st_mtime > kTrialSeconds) rmdir(path.c_str());
  }
}

absl::string_view UidOfCgroup(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, kWorkerPrefix) && !absl::ConsumePrefix(&name, kGuestPrefix)) return "";
  return name;
}

absl::StatusOr<std::unique_ptr<Cgroup>> Cgroup::Create(const std::string& mount, absl::string_view name) {
  std::string path = absl::StrCat(mount, "/", name);
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return ErrnoError(errno, absl::StrCat("make cgroup ", path));
  return std::unique_ptr<Cgroup>(new Cgroup(std::move(path)));
}

Cgroup::~Cgroup() { rmdir(path_.c_str()); }

absl::Status Cgroup::Add(pid_t process) { return Set("cgroup.procs", process); }

absl::Status Cgroup::Set(absl::string_view file, int value) {
  const std::string path = absl::StrCat(path_, "/", file);
  const absl::Status status = WriteFile(path, absl::StrCat(value));
  return status.ok() ? status : absl::Status(status.code(), absl::StrCat(value, " to ", path, ": ", status.message()));
}

absl::StatusOr<CpuController> CpuController::Find(const std::vector<CgroupMount>& mounts) {
  for (const CgroupMount& mount : mounts) {
    const bool has_cpu =
        mount.version == 1 ? HasCpu(mount.options) : ListsCpu(absl::StrCat(mount.path, "/cgroup.controllers"));
    if (!has_cpu) continue;
    CpuController found(mount.path, mount.version);
    RemoveOldTrials(mount.path);
    const absl::Status tried = found.MakeGroup(TrialCgroup()).status();
    if (!tried.ok()) return absl::FailedPreconditionError(tried.message());
    return found;
  }
  return absl::FailedPreconditionError("no cgroup file system here has the cpu controller");
}

absl::StatusOr<std::unique_ptr<Cgroup>> CpuController::MakeGroup(absl::string_view name) const {
  if (version_ == 2) {
    if (absl::Status status = TurnOnCpu(mount_); !status.ok()) return status;
  }
  absl::StatusOr<std::unique_ptr<Cgroup>> group = Cgroup::Create(mount_, name);
  if (!group.ok()) return group;
  const absl::Status set = version_ == 2 ? (*group)->Set("cpu.weight", kWeight) : (*group)->Set("cpu.shares", kShares);
  if (!set.ok()) return set;
  return group;
}

}  // namespace sluice
