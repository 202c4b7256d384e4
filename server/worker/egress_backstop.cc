#include "server/worker/egress_backstop.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr size_t kMaxMounts = 1 << 20;  // bytes of /proc/self/mounts

// The first mount of the file system "cgroup2".
std::string FindCgroup2() {
  const std::string mounts = ReadFile("/proc/self/mounts", kMaxMounts).value_or("");
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() > 2 && words[2] == "cgroup2") return words[1];
  }
  return "";
}

std::string PathOf(const std::string& home, absl::string_view name) { return absl::StrCat(home, "/sluice-worker-", name); }

constexpr char kTrial[] = "trial-";
// No trial takes so long.
constexpr time_t kTrialSeconds = 60;

// Those of servers that were killed in the middle.
void RemoveOldTrials(const std::string& home) {
  const std::string start = PathOf(home, kTrial);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(home, ignored)) {
    const std::string path = entry.path();
    struct stat info;
    if (!absl::StartsWith(path, start) || stat(path.c_str(), &info) != 0) continue;
    if (time(nullptr) - info.st_mtime > kTrialSeconds) rmdir(path.c_str());
  }
}

}  // namespace

absl::StatusOr<std::string> EgressBackstop::FindHome() {
  const std::string home = FindCgroup2();
  if (home.empty()) return absl::FailedPreconditionError("no cgroup2 file system is mounted");
  RemoveOldTrials(home);
  const absl::StatusOr<std::unique_ptr<EgressBackstop>> trial = Create(home, absl::StrCat(kTrial, getpid()));
  absl::Status status = trial.status();
  if (status.ok()) status = (*trial)->Set({}, {});
  if (!status.ok()) return absl::FailedPreconditionError(status.message());
  return home;
}

absl::StatusOr<std::unique_ptr<EgressBackstop>> EgressBackstop::Create(const std::string& home,
                                                                       absl::string_view name) {
  const std::string path = PathOf(home, name);
  const bool made = mkdir(path.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return ErrnoError(errno, absl::StrCat("make cgroup ", path));
  UniqueFd cgroup(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.valid()) {
    const int error = errno;
    rmdir(path.c_str());
    return ErrnoError(error, absl::StrCat("open cgroup ", path));
  }
  std::unique_ptr<EgressBackstop> backstop(new EgressBackstop(path, std::move(cgroup)));
  if (absl::Status status = made ? absl::OkStatus() : backstop->FindAttached(); !status.ok()) return status;
  return backstop;
}

absl::Status EgressBackstop::FindAttached() {
  constexpr uint32_t kMaxPrograms = 64;  // BPF_CGROUP_MAX_PROGS of linux/bpf-cgroup.h
  for (const int hook : kEgressHooks) {
    std::array<uint32_t, kMaxPrograms> ids;
    uint32_t count = kMaxPrograms;
    uint32_t flags = 0;
    if (bpf_prog_query(cgroup_.get(), static_cast<bpf_attach_type>(hook), 0, &flags, ids.data(), &count) != 0) {
      return ErrnoError(errno, "ask which BPF programs are attached");
    }
    for (uint32_t i = 0; i < count; ++i) {
      UniqueFd program(bpf_prog_get_fd_by_id(ids[i]));
      if (!program.valid()) return ErrnoError(errno, "open a BPF program");
      attached_.push_back({.hook = hook, .program = std::move(program)});
    }
  }
  return absl::OkStatus();
}

EgressBackstop::~EgressBackstop() { rmdir(path_.c_str()); }

absl::Status EgressBackstop::Add(pid_t process) {
  return WriteFile(absl::StrCat(path_, "/cgroup.procs"), absl::StrCat(process));
}

absl::Status EgressBackstop::Set(const std::vector<policy::PrefixFate>& fates,
                                 const std::vector<Endpoint>& exceptions) {
  absl::StatusOr<EgressPrograms> loaded = LoadEgressPrograms(fates, exceptions);
  if (!loaded.ok()) return loaded.status();
  // Beside the old ones first: every program must let a call pass.
  for (size_t i = 0; i < kEgressHooks.size(); ++i) {
    const auto hook = static_cast<bpf_attach_type>(kEgressHooks[i]);
    if (bpf_prog_attach(loaded->programs[i].get(), cgroup_.get(), hook, BPF_F_ALLOW_MULTI) != 0) {
      return ErrnoError(errno, "attach a BPF program");
    }
  }
  for (const Attached& old : attached_) {
    bpf_prog_detach2(old.program.get(), cgroup_.get(), static_cast<bpf_attach_type>(old.hook));
  }
  attached_.clear();
  for (size_t i = 0; i < kEgressHooks.size(); ++i) {
    attached_.push_back({.hook = kEgressHooks[i], .program = std::move(loaded->programs[i])});
  }
  return absl::OkStatus();
}

}  // namespace sluice
