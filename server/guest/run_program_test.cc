#include "server/guest/run_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

constexpr absl::Duration kLong = absl::Seconds(30);

HostProgram Shell(const std::string& script) { return {.program = "sh", .args = {"-c", script}}; }

TEST(RunProgramTest, TellsHowItEnded) {
  EXPECT_EQ(*RunProgram(Shell("exit 0"), kLong), ProcessExit{});
  EXPECT_EQ(*RunProgram(Shell("exit 5"), kLong), ProcessExit{.code = 5});
  EXPECT_EQ(*RunProgram(Shell("kill -TERM $$"), kLong), ProcessExit{.signal = SIGTERM});
}

TEST(RunProgramTest, SaysThatThereIsNoSuchProgram) {
  EXPECT_EQ(RunProgram({.program = "/nonexistent", .args = {}}, kLong).status(),
            absl::NotFoundError("there is no program /nonexistent"));
}

TEST(RunProgramTest, KillsWhatTakesTooLong) {
  EXPECT_EQ(RunProgram(Shell("sleep 1000 & wait"), absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(RunProgramTest, CallsWhileItWaits) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const UniqueFd read_end(fds[0]);
  UniqueFd write_end(fds[1]);
  HostProgram program = Shell("cat");
  program.stdin_fd = read_end.get();
  // Whose input ends with the first call.
  EXPECT_EQ(*RunProgram(program, kLong, [&write_end] { write_end.reset(); }), ProcessExit{});
}

TEST(RunProgramTest, LeadsASessionOfItsOwn) {
  EXPECT_EQ(*RunProgram(Shell("read pid name state parent group session rest </proc/$$/stat; test $session = $$"), kLong),
            ProcessExit{});
}

TEST(RunProgramTest, KillsAndReapsItsOwnChildrenAlone) {
  KillChild(1);
  KillChild(getppid());
  const pid_t child = fork();
  if (child == 0) {
    while (true) pause();
  }
  KillChild(child);
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), -1) << "it was reaped";
  KillChild(child);
}

TEST(RunProgramTest, PassesOnThreeDescriptorsAndNoSignalMask) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);  // inherited, but for RunProgram
  const UniqueFd read_end(fds[0]);
  const UniqueFd write_end(fds[1]);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  HostProgram program = Shell("ls /proc/self/fd | wc -l; grep SigBlk /proc/self/status; pwd");
  program.stdout_fd = write_end.get();
  EXPECT_EQ(*RunProgram(program, kLong), ProcessExit{});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  char output[256] = {};
  ASSERT_GT(read(read_end.get(), output, sizeof(output) - 1), 0);
  // Three, and the one that ls reads the list from.
  EXPECT_STREQ(output, "4\nSigBlk:\t0000000000000000\n/\n");
}

}  // namespace
}  // namespace sluice
