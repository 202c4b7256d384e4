#include "server/guest/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

void AddStandardDescriptor(posix_spawn_file_actions_t& actions, int fd, int target) {
  if (fd >= 0) {
    posix_spawn_file_actions_adddup2(&actions, fd, target);
  } else {
    posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0);
  }
}

void FillActions(const HostProgram& program, posix_spawn_file_actions_t& actions) {
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  AddStandardDescriptor(actions, program.stdin_fd, STDIN_FILENO);
  AddStandardDescriptor(actions, program.stdout_fd, STDOUT_FILENO);
  AddStandardDescriptor(actions, program.stderr_fd, STDERR_FILENO);
  int next = STDERR_FILENO + 1;
  for (const int fd : program.more_fds) {
    posix_spawn_file_actions_addclose(&actions, next);
    if (fd >= 0) posix_spawn_file_actions_adddup2(&actions, fd, next);
    ++next;
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, next);
}

// Copies of descriptors, so high that none is overwritten before it is passed on.
absl::StatusOr<std::vector<UniqueFd>> CopyAbove(int lowest, const std::vector<int>& fds) {
  std::vector<UniqueFd> copies;
  for (const int fd : fds) {
    copies.emplace_back(fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, lowest));
    if (fd >= 0 && !copies.back().valid()) return ErrnoError(errno, "duplicate a descriptor");
  }
  return copies;
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

absl::StatusOr<pid_t> StartProgram(const HostProgram& given) {
  HostProgram program = given;
  const absl::StatusOr<std::vector<UniqueFd>> copies =
      CopyAbove(STDERR_FILENO + 1 + static_cast<int>(given.more_fds.size()), given.more_fds);
  if (!copies.ok()) return copies.status();
  for (size_t i = 0; i < copies->size(); ++i) program.more_fds[i] = (*copies)[i].get();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup free_actions = [&] { posix_spawn_file_actions_destroy(&actions); };
  FillActions(program, actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const absl::Cleanup free_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  FillAttributes(attributes);
  std::vector<char*> argv = {const_cast<char*>(program.program.c_str())};
  for (const std::string& arg : program.args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  pid_t pid;
  const int error = posix_spawnp(&pid, program.program.c_str(), &actions, &attributes, argv.data(), environ);
  if (error == ENOENT) return absl::NotFoundError(absl::StrCat("there is no program ", program.program));
  if (error != 0) return ErrnoError(error, absl::StrCat("start ", program.program));
  return pid;
}

namespace {

constexpr absl::Duration kMeanwhilePeriod = absl::Milliseconds(20);

// False when the time ran out.
bool AwaitExit(int pidfd, absl::Time deadline, const std::function<void()>& meanwhile) {
  while (true) {
    pollfd fd{.fd = pidfd, .events = POLLIN, .revents = 0};
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    const absl::Duration wait = meanwhile ? std::min(left, kMeanwhilePeriod) : left;
    const int n = poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)))));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
    if (n == 0 && wait == left) return false;
    if (meanwhile) meanwhile();
  }
}

}  // namespace

absl::StatusOr<ProcessExit> RunProgram(const HostProgram& program, absl::Duration timeout,
                                       const std::function<void()>& meanwhile) {
  const absl::Time deadline = absl::Now() + timeout;
  const absl::StatusOr<pid_t> pid = StartProgram(program);
  if (!pid.ok()) return pid.status();
  // Nobody else reaps it, so the number is still its own.
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  const bool ended = pidfd.valid() && AwaitExit(pidfd.get(), deadline, meanwhile);
  if (!ended) kill(-*pid, SIGKILL);
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(*pid), &info, WEXITED) != 0 && errno == EINTR) {
  }
  if (ended) return ToProcessExit(info);
  if (!pidfd.valid()) return absl::ResourceExhaustedError(absl::StrCat("no descriptor left to run ", program.program));
  return absl::DeadlineExceededError(absl::StrCat(program.program, " took longer than ", absl::FormatDuration(timeout)));
}

void KillChild(pid_t pid) {
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
  // Not reaped, so the number is its own.
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace sluice
