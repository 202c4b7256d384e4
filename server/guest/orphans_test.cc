#include "server/guest/orphans.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/run_program.h"

namespace sluice {
namespace {

bool IsThere(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void AwaitEnd(pid_t pid) {
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
}

class OrphansTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0); }
  void TearDown() override {
    while (waitpid(-1, nullptr, 0) > 0) {
    }
  }

  // A program that a program of a session of its own left to this process.
  static pid_t MakeOrphan(const std::string& script = "exit 0") {
    int fds[2];
    EXPECT_EQ(pipe(fds), 0);
    const UniqueFd read_end(fds[0]);
    const UniqueFd write_end(fds[1]);
    HostProgram program{.program = "setsid", .args = {"--wait", "sh", "-c", "sh -c '" + script + "' & echo $!"}};
    program.stdout_fd = write_end.get();
    EXPECT_EQ(RunProgram(program, absl::Seconds(30)).value_or(ProcessExit{.code = -1}), ProcessExit{});
    char text[32] = {};
    EXPECT_GT(read(read_end.get(), text, sizeof(text) - 1), 0);
    pid_t pid = 0;
    EXPECT_EQ(sscanf(text, "%d", &pid), 1);
    return pid;
  }

  const std::shared_ptr<Orphans> orphans_ = Orphans::Create();
};

TEST_F(OrphansTest, ReapsWhatNobodyClaims) {
  const pid_t orphan = MakeOrphan();
  AwaitEnd(orphan);
  ASSERT_TRUE(IsThere(orphan));
  orphans_->Reap();
  EXPECT_FALSE(IsThere(orphan));
}

TEST_F(OrphansTest, ReapsALeaderThatNeverRanAProgram) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const UniqueFd read_end(fds[0]);
  const UniqueFd write_end(fds[1]);
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t leader = fork();
    if (leader == 0) {
      setsid();
      _exit(0);
    }
    _exit(write(write_end.get(), &leader, sizeof(leader)) == sizeof(leader) ? 0 : 1);
  }
  ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
  pid_t orphan = 0;
  ASSERT_EQ(read(read_end.get(), &orphan, sizeof(orphan)), ssize_t{sizeof(orphan)});
  AwaitEnd(orphan);
  ASSERT_TRUE(IsThere(orphan));
  orphans_->Reap();
  EXPECT_FALSE(IsThere(orphan));
}

TEST_F(OrphansTest, WaitsForNothing) {
  const pid_t orphan = MakeOrphan("sleep 1000");
  orphans_->Reap();
  EXPECT_TRUE(IsThere(orphan));
  kill(-getpgid(orphan), SIGKILL);
}

TEST_F(OrphansTest, LeavesWhatIsClaimed) {
  const pid_t orphan = MakeOrphan();
  Orphans::Claim claim = orphans_->ClaimChild(orphan);
  AwaitEnd(orphan);
  orphans_->Reap();
  EXPECT_TRUE(IsThere(orphan));
  claim = nullptr;
  orphans_->Reap();
  EXPECT_FALSE(IsThere(orphan));
}

TEST_F(OrphansTest, LeavesWhatALaunchMayClaim) {
  pid_t orphan = 0;
  {
    const Orphans::Launch launch(*orphans_);
    orphan = MakeOrphan();
    AwaitEnd(orphan);
    { const Orphans::Launch later(*orphans_); }
    EXPECT_TRUE(IsThere(orphan));
  }
  EXPECT_FALSE(IsThere(orphan));
}

TEST_F(OrphansTest, LeavesWhatThisProcessStarted) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  const pid_t leader = fork();  // as workers are
  if (leader == 0) {
    setsid();
    execlp("true", "true", nullptr);
    _exit(1);
  }
  AwaitEnd(child);
  AwaitEnd(leader);
  orphans_->Reap();
  EXPECT_TRUE(IsThere(child));
  EXPECT_TRUE(IsThere(leader));
}

}  // namespace
}  // namespace sluice
