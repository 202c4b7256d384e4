#include "tests/lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "tests/lab/await.h"

// glibc 2.36 does not say that these are C.
extern "C" {
#include <sys/pidfd.h>
}

extern char** environ;

namespace sluice::lab {
namespace {

constexpr size_t kReadBytes = 65536;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoError(errno, "pipe2");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A descriptor from which `input` is read.
absl::StatusOr<UniqueFd> MakeInput(const std::string& input) {
  UniqueFd fd(memfd_create("stdin", MFD_CLOEXEC));
  if (!fd.valid()) return ErrnoError(errno, "memfd_create");
  if (absl::Status s = WriteAll(fd.get(), input); !s.ok()) return s;
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return ErrnoError(errno, "lseek");
  return fd;
}

// Starts argv with the three descriptors as its stdin, stdout and stderr, in a
// process group of its own, with signals as a login shell has them.
absl::StatusOr<pid_t> Start(const std::vector<std::string>& argv, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const absl::Cleanup cleanup = [&] {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  };
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<char*> args;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  args.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, args[0], &actions, &attributes, args.data(), environ);
  if (error != 0) return ErrnoError(error, absl::StrCat("start ", argv[0]));
  return pid;
}

// Appends what `fd` has to `into`; 0 at its end.
absl::StatusOr<size_t> ReadSome(int fd, std::string& into) {
  char chunk[kReadBytes];
  ssize_t n;
  do {
    n = read(fd, chunk, sizeof(chunk));
  } while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoError(errno, "read");
  into.append(chunk, static_cast<size_t>(n));
  return static_cast<size_t>(n);
}

// Reads both outputs to their ends.
absl::Status Collect(UniqueFd out, UniqueFd err, absl::Time deadline, CommandResult& result) {
  pollfd fds[] = {{.fd = out.get(), .events = POLLIN, .revents = 0},
                  {.fd = err.get(), .events = POLLIN, .revents = 0}};
  std::string* const texts[] = {&result.out, &result.err};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const int n = poll(fds, 2, PollTimeout(deadline));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "poll");
    if (n == 0) return absl::DeadlineExceededError("it did not end in time");
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const absl::StatusOr<size_t> got = ReadSome(fds[i].fd, *texts[i]);
      if (!got.ok()) return got.status();
      if (*got == 0) fds[i].fd = -1;  // poll(2) passes over it.
      if (texts[i]->size() > Process::kMaxOutputBytes) return absl::ResourceExhaustedError("it says too much");
    }
  }
  return absl::OkStatus();
}

// Waits for the end of `pid`, which `pidfd` refers to, and reaps it.
absl::StatusOr<int> Reap(pid_t pid, int pidfd, absl::Time deadline) {
  if (absl::Status s = AwaitReadable(pidfd, deadline); !s.ok()) return s;
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return ErrnoError(errno, "waitpid");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Process::Process(pid_t pid, UniqueFd pidfd, UniqueFd output)
    : pid_(pid), pidfd_(std::move(pidfd)), output_(std::move(output)) {}

absl::StatusOr<std::unique_ptr<Process>> Process::Spawn(const std::vector<std::string>& argv,
                                                        const Options& options) {
  absl::StatusOr<Pipe> output = MakePipe();
  if (!output.ok()) return output.status();
  absl::StatusOr<UniqueFd> input = MakeInput(options.input);
  if (!input.ok()) return input.status();
  const int write = output->write.get();
  const absl::StatusOr<pid_t> pid = Start(argv, input->get(), write, options.merge_err ? write : STDERR_FILENO);
  if (!pid.ok()) return pid.status();
  UniqueFd pidfd(pidfd_open(*pid, 0));
  return std::unique_ptr<Process>(new Process(*pid, std::move(pidfd), std::move(output->read)));
}

Process::~Process() {
  // The group, while its leader is not reaped: its number is still ours.
  if (exit_code_ < 0) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

absl::StatusOr<std::string> Process::ReadLine(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    if (const size_t end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    if (absl::Status s = AwaitReadable(output_.get(), deadline); !s.ok()) return s;
    const absl::StatusOr<size_t> got = ReadSome(output_.get(), pending_);
    if (!got.ok()) return got.status();
    if (*got > 0) continue;
    if (pending_.empty()) return absl::OutOfRangeError("the program's output has ended");
    pending_.push_back('\n');  // The last line had no end.
  }
}

absl::Status Process::Signal(int signal) {
  if (exit_code_ >= 0) return absl::FailedPreconditionError("the process has ended");
  return kill(pid_, signal) == 0 ? absl::OkStatus() : ErrnoError(errno, "kill");
}

absl::StatusOr<int> Process::Wait(absl::Duration timeout) {
  if (exit_code_ >= 0) return exit_code_;
  const absl::StatusOr<int> code = Reap(pid_, pidfd_.get(), absl::Now() + timeout);
  if (code.ok()) exit_code_ = *code;
  return code;
}

absl::StatusOr<CommandResult> RunCommand(const std::vector<std::string>& argv,
                                         absl::Duration timeout, const std::string& input) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::StatusOr<Pipe> out = MakePipe();
  if (!out.ok()) return out.status();
  absl::StatusOr<Pipe> err = MakePipe();
  if (!err.ok()) return err.status();
  absl::StatusOr<UniqueFd> in = MakeInput(input);
  if (!in.ok()) return in.status();
  const absl::StatusOr<pid_t> pid = Start(argv, in->get(), out->write.get(), err->write.get());
  if (!pid.ok()) return pid.status();
  out->write.reset();
  err->write.reset();

  const UniqueFd pidfd(pidfd_open(*pid, 0));
  CommandResult result;
  absl::Status status = Collect(std::move(out->read), std::move(err->read), deadline, result);
  if (status.ok()) {
    absl::StatusOr<int> code = Reap(*pid, pidfd.get(), deadline);
    if (code.ok()) {
      result.exit_code = *code;
      return result;
    }
    status = code.status();
  }
  kill(-*pid, SIGKILL);
  waitpid(*pid, nullptr, 0);
  return absl::Status(status.code(),
                      absl::StrCat(absl::StrJoin(argv, " "), ": ", status.message(), "; ", result.err));
}

}  // namespace sluice::lab
