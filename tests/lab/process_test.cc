#include "tests/lab/process.h"

#include <signal.h>

#include "gtest/gtest.h"

namespace sluice::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

TEST(RunCommandTest, ReturnsBothOutputsAndTheExitCode) {
  const auto result = RunCommand({"sh", "-c", "echo out; echo err >&2; exit 3"}, kSoon);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->err, "err\n");
  EXPECT_EQ(result->exit_code, 3);
}

TEST(RunCommandTest, GivesTheInputToTheCommand) {
  const std::string input(200'000, 'x');
  const auto result = RunCommand({"cat"}, kSoon, input);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, input);
}

TEST(RunCommandTest, SaysAnEndBySignalAsAShellDoes) {
  const auto result = RunCommand({"sh", "-c", "kill -TERM $$"}, kSoon);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 128 + SIGTERM);
}

TEST(RunCommandTest, KillsTheGroupWhenTimeIsOver) {
  const auto result = RunCommand({"sh", "-c", "cat /dev/zero >/dev/null & wait"}, absl::Milliseconds(50));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(RunCommandTest, SaysWhatCouldNotBeStarted) {
  const auto result = RunCommand({"/nowhere/at/all"}, kSoon);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
}

TEST(ProcessTest, ReadsLineByLine) {
  auto process = Process::Spawn({"sh", "-c", "printf 'one\ntwo\nthree'"}, {});
  ASSERT_TRUE(process.ok()) << process.status();
  for (const char* line : {"one", "two", "three"}) EXPECT_EQ((*process)->ReadLine(kSoon).value(), line);
  EXPECT_EQ((*process)->ReadLine(kSoon).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ((*process)->Wait(kSoon).value(), 0);
}

TEST(ProcessTest, EndsOnASignal) {
  auto process = Process::Spawn({"cat", "/dev/zero"}, {});
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ((*process)->Wait(absl::ZeroDuration()).status().code(), absl::StatusCode::kDeadlineExceeded);
  ASSERT_TRUE((*process)->Signal(SIGTERM).ok());
  EXPECT_EQ((*process)->Wait(kSoon).value(), 128 + SIGTERM);
  EXPECT_EQ((*process)->Signal(SIGTERM).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ProcessTest, IsKilledByTheDestructor) {
  pid_t pid = 0;
  {
    auto process = Process::Spawn({"cat", "/dev/zero"}, {});
    ASSERT_TRUE(process.ok()) << process.status();
    pid = (*process)->pid();
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace sluice::lab
