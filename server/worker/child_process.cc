#include "server/worker/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr int kPassedDescriptor = 3;
// After a SIGKILL: past it the kernel itself is stuck with the process.
constexpr absl::Duration kKillTimeout = absl::Seconds(10);

void FillActions(const ChildProcess::Options& options, posix_spawn_file_actions_t& actions) {
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, options.output.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, options.output.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, options.descriptor.get(), kPassedDescriptor);
  posix_spawn_file_actions_addclosefrom_np(&actions, kPassedDescriptor + 1);
}

void FillAttributes(posix_spawnattr_t& attributes) {
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const Options& options) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup free_actions = [&] { posix_spawn_file_actions_destroy(&actions); };
  FillActions(options, actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const absl::Cleanup free_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  FillAttributes(attributes);
  std::vector<char*> argv = {const_cast<char*>(options.program.c_str())};
  for (const std::string& arg : options.args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  pid_t pid;
  const int error = posix_spawn(&pid, options.program.c_str(), &actions, &attributes, argv.data(), environment);
  if (error != 0) return ErrnoError(error, absl::StrCat("start ", options.program));
  // Nobody else reaps it, so the number is still its own.
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    const int why = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return ErrnoError(why, "pidfd_open");
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, std::move(pidfd)));
}

std::unique_ptr<ChildProcess> ChildProcess::Adopt(pid_t pid, UniqueFd pidfd) {
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, std::move(pidfd)));
}

ChildProcess::~ChildProcess() {
  if (ended_ || left_) return;
  Kill();
  WaitFor(kKillTimeout);
}

void ChildProcess::Kill() { syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0); }

bool ChildProcess::WaitFor(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!ended_) {
    pollfd fd{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    const int n = poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (n == 0) return false;
    // ECHILD: it is another process's to reap.
    if (n < 0 || (waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &end_, WEXITED) != 0 && errno != ECHILD)) {
      if (errno == EINTR) continue;
      return false;
    }
    ended_ = true;
  }
  return true;
}

std::string ChildProcess::HowItEnded() const {
  siginfo_t end = end_;
  if (!ended_) waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &end, WEXITED | WNOHANG | WNOWAIT);
  if (end.si_signo == 0) return "ended";
  if (end.si_code == CLD_EXITED) return absl::StrCat("exited with status ", end.si_status);
  return absl::StrCat("was killed by signal ", end.si_status, " (", sigdescr_np(end.si_status), ")");
}

}  // namespace sluice
