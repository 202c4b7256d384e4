#include "server/guest/guest_life.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);

// A process that does nothing until it is killed; reaped by Reap().
class IdleProcess {
 public:
  IdleProcess() : pid_(fork()) {
    if (pid_ == 0) {
      while (true) pause();
    }
  }
  ~IdleProcess() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Reap();
  }

  UniqueFd OpenPidfd() const { return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0))); }
  // Waits for its end; the signal that ended it.
  int Reap() {
    int status = 0;
    if (pid_ > 0) waitpid(pid_, &status, 0);
    pid_ = 0;
    return WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

TEST(GuestLifeTest, LetsNobodyInBeforeItStarts) {
  GuestLife life;
  EXPECT_EQ(life.Enter(), absl::FailedPreconditionError("the guest has not started"));
  EXPECT_TRUE(life.AwaitEnd(absl::InfinitePast()).ok());
}

TEST(GuestLifeTest, TellsOfAnEndOfItsOwn) {
  IdleProcess process;
  GuestLife life;
  std::optional<ProcessExit> told;
  life.Started(process.OpenPidfd(), [&told](ProcessExit exit) { told = exit; });
  ASSERT_TRUE(life.Enter().ok());
  life.Exited({.code = 3});
  EXPECT_EQ(told, ProcessExit{.code = 3});
  EXPECT_EQ(life.Enter(), absl::FailedPreconditionError("the guest has ended"));
  // A program is left, which the kernel is about to end.
  EXPECT_TRUE(absl::IsDeadlineExceeded(life.AwaitEnd(absl::Now())));
  life.Leave();
  EXPECT_TRUE(life.AwaitEnd(absl::Now()).ok());
}

TEST(GuestLifeTest, EndKillsTheFirstProcessAndTellsNobody) {
  IdleProcess process;
  GuestLife life;
  bool told = false;
  life.Started(process.OpenPidfd(), [&told](ProcessExit) { told = true; });
  life.End();
  EXPECT_EQ(life.Enter(), absl::FailedPreconditionError("the guest is being ended"));
  EXPECT_EQ(process.Reap(), SIGKILL);
  EXPECT_TRUE(absl::IsDeadlineExceeded(life.AwaitEnd(absl::Now())));
  life.Exited({.signal = SIGKILL});
  EXPECT_TRUE(life.AwaitEnd(absl::Now()).ok());
  EXPECT_FALSE(told);
}

TEST(GuestLifeTest, AwaitsTheLastProgram) {
  IdleProcess process;
  GuestLife life;
  life.Started(process.OpenPidfd(), [](ProcessExit) {});
  ASSERT_TRUE(life.Enter(1).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(life.Enter(1)));
  life.End();
  std::thread ending([&life] {
    life.Exited({.signal = SIGKILL});
    life.Leave();
  });
  EXPECT_TRUE(life.AwaitEnd(absl::Now() + kSoon).ok());
  ending.join();
}

}  // namespace
}  // namespace sluice
