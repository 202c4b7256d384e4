#include "server/guest/orphans.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr size_t kMaxStat = 4096;         // bytes
constexpr uint64_t kNeverRanProgram = 0x40;  // PF_FORKNOEXEC of a process's flags (linux/sched.h)
constexpr size_t kMaxChildren = 1 << 20;  // bytes: some hundred thousand of them

int64_t TicksSinceBoot() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  const int64_t per_second = sysconf(_SC_CLK_TCK);
  return now.tv_sec * per_second + now.tv_nsec * per_second / 1'000'000'000;
}

std::vector<pid_t> Children() {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    const absl::StatusOr<std::string> list = ReadFile(thread.path() / "children", kMaxChildren);
    if (!list.ok()) continue;  // the thread has ended
    for (const absl::string_view word : absl::StrSplit(*list, ' ', absl::SkipEmpty())) {
      pid_t pid;
      if (absl::SimpleAtoi(word, &pid)) children.push_back(pid);
    }
  }
  return children;
}

struct ProcessStat {
  bool ended = false;
  pid_t session = 0;
  uint64_t flags = 0;
  int64_t start = 0;  // ticks since boot
};

std::optional<ProcessStat> StatOf(pid_t pid) {
  const absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/", pid, "/stat"), kMaxStat);
  if (!text.ok()) return std::nullopt;
  // The second field is the name, which may have blanks and brackets in it.
  const size_t name_end = text->rfind(") ");
  if (name_end == text->npos) return std::nullopt;
  // From the third, the state, on; session is the 6th, flags the 9th, starttime the 22nd.
  const std::vector<absl::string_view> fields = absl::StrSplit(absl::string_view(*text).substr(name_end + 2), ' ');
  ProcessStat stat;
  if (fields.size() < 20 || !absl::SimpleAtoi(fields[3], &stat.session) || !absl::SimpleAtoi(fields[6], &stat.flags) ||
      !absl::SimpleAtoi(fields[19], &stat.start)) {
    return std::nullopt;
  }
  stat.ended = fields[0] == "Z";
  return stat;
}

bool HasEndedChild() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

}  // namespace

Orphans::Launch::Launch(Orphans& orphans) : orphans_(orphans), began_(TicksSinceBoot()) {
  const MutexLock lock(orphans_.mutex_);
  orphans_.launches_.insert(began_);
}

Orphans::Launch::~Launch() {
  {
    const MutexLock lock(orphans_.mutex_);
    orphans_.launches_.erase(orphans_.launches_.find(began_));
  }
  orphans_.Reap();
}

Orphans::Claim Orphans::ClaimChild(pid_t pid) {
  const MutexLock lock(mutex_);
  claimed_.insert(pid);
  return Claim(nullptr, [self = shared_from_this(), pid](const void*) {
    const MutexLock release_lock(self->mutex_);
    self->claimed_.erase(self->claimed_.find(pid));
  });
}

void Orphans::Reap() {
  if (!HasEndedChild()) return;
  const MutexLock lock(mutex_);
  for (const pid_t pid : Children()) {
    if (IsNobodys(pid)) waitpid(pid, nullptr, WNOHANG);
  }
}

bool Orphans::IsNobodys(pid_t pid) const {
  if (claimed_.contains(pid)) return false;
  const std::optional<ProcessStat> stat = StatOf(pid);
  if (!stat || !stat->ended) return false;
  if (stat->session == getsid(0)) return false;
  if (stat->session == pid && (stat->flags & kNeverRanProgram) == 0) return false;
  return launches_.empty() || stat->start < *launches_.begin();
}

}  // namespace sluice
