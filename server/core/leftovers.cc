#include "server/core/leftovers.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "server/core/directory.h"
#include "server/guest/socket_guest.h"
#include "server/worker/netsvc_launcher.h"

namespace sluice {
namespace {

constexpr size_t kMaxProcFile = 1 << 20;  // bytes of cgroup.procs
// From a SIGKILL to an empty cgroup.
constexpr absl::Duration kEndTime = absl::Seconds(5);
constexpr absl::Duration kEndPoll = absl::Milliseconds(5);

void KillAll(const std::string& cgroup) {
  const std::string pids = ReadFile(absl::StrCat(cgroup, "/cgroup.procs"), kMaxProcFile).value_or("");
  for (const absl::string_view line : absl::StrSplit(pids, '\n', absl::SkipEmpty())) {
    pid_t pid;
    if (absl::SimpleAtoi(line, &pid) && pid > 1) kill(pid, SIGKILL);
  }
}

absl::Status RemoveCgroup(const std::string& path) {
  const absl::Time deadline = absl::Now() + kEndTime;
  while (true) {
    if (rmdir(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    if (errno != EBUSY || absl::Now() > deadline) return ErrnoError(errno, absl::StrCat("remove ", path));
    KillAll(path);
    absl::SleepFor(kEndPoll);
  }
}

class Sweep {
 public:
  Sweep(StateStore& store, const std::set<std::string>& live) : store_(store), live_(live) {}

  // Does `uid`, in the name of something that is not in the state directory, say
  // that it is ours and left over?
  bool IsLeft(absl::string_view uid) {
    return !uid.empty() && !live_.contains(std::string(uid)) && store_.HasGivenOut(uid);
  }
  bool IsLive(const std::string& uid) const { return live_.contains(uid); }

  void Told(const std::string& what, const absl::Status& status) {
    if (status.ok()) {
      found_.removed.push_back(what);
    } else {
      found_.problems.push_back(absl::StrCat(what, " is left: ", status.message()));
    }
  }
  Leftovers Take() { return std::move(found_); }

 private:
  StateStore& store_;
  const std::set<std::string>& live_;
  Leftovers found_;
};

}  // namespace

Leftovers RemoveLeftovers(const StateDirectory& state, StateStore& store, const std::set<std::string>& live,
                          const std::vector<CgroupMount>& cgroup_mounts) {
  Sweep sweep(store, live);
  for (const std::string& uid : state.SandboxUids()) {
    if (sweep.IsLive(uid)) continue;
    absl::Status status = KillLeftoverWorker(state.sandbox(uid));
    if (status.ok()) status = state.RemoveSandbox(uid);
    sweep.Told(absl::StrCat("what a server that was killed left of sandbox ", uid), status);
  }
  for (const CgroupMount& mount : cgroup_mounts) {
    for (const std::string& name : ListNames(mount.path)) {
      if (!sweep.IsLeft(UidOfCgroup(name))) continue;
      const std::string path = absl::StrCat(mount.path, "/", name);
      sweep.Told(absl::StrCat("cgroup ", path), RemoveCgroup(path));
    }
  }
  for (const std::string& name : ListNames(SocketGuest::kShortDirectory)) {
    if (!absl::EndsWith(name, ".sock") || !sweep.IsLeft(absl::StripSuffix(name, ".sock"))) continue;
    const std::string path = absl::StrCat(SocketGuest::kShortDirectory, "/", name);
    sweep.Told(absl::StrCat("socket ", path), RemoveTree(path));
  }
  return sweep.Take();
}

}  // namespace sluice
