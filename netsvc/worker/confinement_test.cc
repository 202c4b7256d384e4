// What a worker that its guest has taken over may still do. Each attempt is made
// twice, by a process as root and by one that is confined, so that the walls are
// what stops it.

#include "netsvc/worker/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr uid_t kUser = 0x70000123;
constexpr int kDone = 0;
constexpr int kNotConfined = 200;

// Sanitizers make system calls of their own and map terabytes: builds with them have
// neither the filter nor the limit of memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasAllWalls = false;
#else
constexpr bool kHasAllWalls = true;
#endif

// Ends the process with the errno of a call that answered `result`.
int ErrnoOf(long result) { return result >= 0 ? kDone : errno; }

class ConfinementTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    directory_ = absl::StrCat(testing::TempDir(), "/confinement-XXXXXX");
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    for (const char* name : {"/log", "/run"}) {
      const std::string path = absl::StrCat(directory_, name);
      ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
      ASSERT_EQ(chown(path.c_str(), kUser, kUser), 0);
    }
  }

  // How a process ended that confined itself, where `confined`, and did
  // `attempt`: "done", the name of an errno, or the signal.
  std::string Try(bool confined, const std::function<int(int log)>& attempt) {
    const pid_t pid = Fork(confined, attempt);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return Describe(status);
  }

  pid_t Fork(bool confined, const std::function<int(int log)>& attempt) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    UniqueFd log = Open("/log");
    if (confined) {
      auto left = Confine({.uid = kUser, .log_directory = std::move(log), .run_directory = Open("/run")});
      if (!left.ok()) {
        (void)!write(STDERR_FILENO, left.status().ToString().c_str(), left.status().ToString().size());
        _exit(kNotConfined);
      }
      _exit(attempt(left->log_directory.get()));
    }
    _exit(attempt(log.get()));
  }

  UniqueFd Open(const char* name) const {
    return UniqueFd(open(absl::StrCat(directory_, name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  static std::string Describe(int status) {
    if (WIFSIGNALED(status)) return sigabbrev_np(WTERMSIG(status));
    if (WEXITSTATUS(status) == kDone) return "done";
    return WEXITSTATUS(status) == kNotConfined ? "not confined" : strerrorname_np(WEXITSTATUS(status));
  }

  std::string directory_;
};

TEST_F(ConfinementTest, FilesAreOutOfReach) {
  const auto read_passwords = [](int) { return ErrnoOf(open("/etc/passwd", O_RDONLY)); };
  EXPECT_EQ(Try(false, read_passwords), "done");
  EXPECT_EQ(Try(true, read_passwords), "ENOENT");
  // Up from the log, as far as it goes.
  std::string up = "etc/passwd";
  for (int i = 0; i < 64; ++i) up = absl::StrCat("../", up);
  const auto climb = [&up](int log) { return ErrnoOf(openat(log, up.c_str(), O_RDONLY)); };
  EXPECT_EQ(Try(false, climb), "done");
  EXPECT_EQ(Try(true, climb), "ENOENT");
  const auto see_processes = [](int) { return ErrnoOf(open("/proc/1/status", O_RDONLY)); };
  EXPECT_EQ(Try(false, see_processes), "done");
  EXPECT_EQ(Try(true, see_processes), "ENOENT");
}

TEST_F(ConfinementTest, OnlyItsOwnDirectoriesAreWritable) {
  const auto write_log = [](int log) { return ErrnoOf(openat(log, "event", O_WRONLY | O_CREAT, 0600)); };
  EXPECT_EQ(Try(true, write_log), "done");
  const auto write_run = [](int) { return ErrnoOf(open("/run/socket", O_WRONLY | O_CREAT, 0600)); };
  EXPECT_EQ(Try(true, write_run), "done");
  const auto write_new = [](int) { return ErrnoOf(open("/new", O_WRONLY | O_CREAT, 0600)); };
  EXPECT_EQ(Try(true, write_new), "EROFS");
}

TEST_F(ConfinementTest, WhatAFlowNeedsWorks) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      EXPECT_EQ(Try(true, [=](int) { return ErrnoOf(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }), "done");
    }
  }
  EXPECT_EQ(Try(true, [](int) { return ErrnoOf(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)); }), "done");
}

// GLib looks for a terminal ahead of each of libslirp's warnings.
TEST_F(ConfinementTest, AWarningIsNoDeath) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  const auto warn = [&](int) {
    if (isatty(write_end.get()) != 0 || errno != ENOTTY) return EINVAL;
    return ErrnoOf(write(write_end.get(), "warning\n", 8));
  };
  EXPECT_EQ(Try(false, warn), "done");
  EXPECT_EQ(Try(true, warn), "done");
}

TEST_F(ConfinementTest, RawSocketsAreDeath) {
  if (!kHasAllWalls) GTEST_SKIP() << "a sanitizer's build";
  for (const int family : {AF_INET, AF_INET6, AF_PACKET}) {
    const auto raw = [family](int) { return ErrnoOf(socket(family, SOCK_RAW, IPPROTO_UDP)); };
    EXPECT_EQ(Try(false, raw), "done") << family;
    EXPECT_EQ(Try(true, raw), "SYS") << family;
  }
  const auto firewall = [](int) { return ErrnoOf(socket(AF_NETLINK, SOCK_RAW, 12 /* NETLINK_NETFILTER */)); };
  EXPECT_EQ(Try(false, firewall), "done");
  EXPECT_EQ(Try(true, firewall), "SYS");
}

// Calls that start something, reach into another process, or gain anything.
TEST_F(ConfinementTest, OtherSystemCallsAreDeath) {
  if (!kHasAllWalls) GTEST_SKIP() << "a sanitizer's build";
  const pid_t parent = getpid();
  const std::pair<const char*, std::function<long()>> calls[] = {
      {"execve", [] { return execl("/bin/true", "true", nullptr); }},
      {"fork", [] { return syscall(SYS_fork); }},
      {"clone", [] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
      {"ptrace", [parent] { return ptrace(PTRACE_SEIZE, parent, 0, 0); }},
      {"kill", [parent] { return kill(parent, 0); }},
      {"tgkill of another", [parent] { return syscall(SYS_tgkill, parent, parent, 0); }},
      {"process_vm_readv", [parent] { return syscall(SYS_process_vm_readv, parent, nullptr, 0, nullptr, 0, 0); }},
      {"setuid", [] { return setuid(0); }},
      {"unshare", [] { return unshare(CLONE_NEWUSER); }},
      {"mount", [] { return mount("none", "/run", "tmpfs", 0, nullptr); }},
      {"chroot", [] { return chroot("/run"); }},
      {"bpf", [] { return syscall(SYS_bpf, 0, nullptr, 0); }},
      {"io_uring_setup", [] { return syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"keyctl", [] { return syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"open_by_handle_at", [] { return syscall(SYS_open_by_handle_at, -1, nullptr, 0); }},
      {"rename", [] { return rename("/run/a", "/run/b"); }},
      {"ioctl TIOCSTI", [] { return ioctl(0, TIOCSTI, "x"); }},
      {"prctl", [] { return syscall(SYS_prctl, 0, 0, 0, 0, 0); }},
  };
  for (const auto& [name, call] : calls) {
    EXPECT_EQ(Try(true, [&call = call](int) { return ErrnoOf(call()); }), "SYS") << name;
    EXPECT_NE(Try(false, [&call = call](int) { return ErrnoOf(call()); }), "SYS") << name;
  }
}

TEST_F(ConfinementTest, ACrashIsSeenAsOne) {
  EXPECT_EQ(Try(true, [](int) -> int { abort(); }), "ABRT");
}

TEST_F(ConfinementTest, NothingOfRootIsLeft) {
  if (!kHasAllWalls) GTEST_SKIP() << "a sanitizer's build";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t pid = Fork(true, [&](int) {
    (void)!write(ready[1], "x", 1);
    char byte;
    while (true) (void)!read(STDIN_FILENO, &byte, 0);
    return kDone;
  });
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const std::string status = ReadFile(absl::StrCat("/proc/", pid, "/status"), 1 << 16).value_or("");
  const std::string limits = ReadFile(absl::StrCat("/proc/", pid, "/limits"), 1 << 16).value_or("");
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  const std::string user = absl::StrCat(kUser, "\t", kUser, "\t", kUser, "\t", kUser, "\n");
  EXPECT_TRUE(absl::StrContains(status, absl::StrCat("Uid:\t", user))) << status;
  EXPECT_TRUE(absl::StrContains(status, absl::StrCat("Gid:\t", user))) << status;
  EXPECT_TRUE(absl::StrContains(status, "Groups:\t \n")) << status;
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_TRUE(absl::StrContains(status, absl::StrCat(set, ":\t0000000000000000\n"))) << status;
  }
  EXPECT_TRUE(absl::StrContains(status, "NoNewPrivs:\t1\n")) << status;
  EXPECT_TRUE(absl::StrContains(status, "Seccomp:\t2\n")) << status;
  EXPECT_TRUE(absl::StrContains(limits, "Max core file size        0                    0 ")) << limits;
  EXPECT_TRUE(absl::StrContains(limits, "Max processes             0                    0 ")) << limits;
}

TEST_F(ConfinementTest, MemoryIsBounded) {
  if (!kHasAllWalls) GTEST_SKIP() << "a sanitizer's build";
  const auto take_memory = [](int) {
    constexpr size_t kChunk = size_t{64} << 20;
    for (int i = 0; i < 128; ++i) {
      if (malloc(kChunk) == nullptr) return ENOMEM;  // never touched
    }
    return kDone;
  };
  EXPECT_EQ(Try(false, take_memory), "done");
  EXPECT_EQ(Try(true, take_memory), "ENOMEM");
}

}  // namespace
}  // namespace sluice
