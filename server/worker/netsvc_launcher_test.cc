// Workers as the server starts them: the real sluice-netsvc, and programs that
// are none.

#include "server/worker/netsvc_launcher.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr char kNetsvc[] = "netsvc/worker/sluice-netsvc";

class NetsvcLauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = absl::StrCat(testing::TempDir(), "/launcher.XXXXXX");
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  static std::unique_ptr<NetsvcLauncher> Make(const std::string& program) {
    absl::StatusOr<std::unique_ptr<NetsvcLauncher>> launcher = NetsvcLauncher::Make(program, /*backstop_home=*/"");
    EXPECT_TRUE(launcher.ok()) << launcher.status();
    return launcher.ok() ? *std::move(launcher) : nullptr;
  }
  absl::StatusOr<std::unique_ptr<Worker>> Launch(NetsvcLauncher& launcher) {
    return launcher.Launch({.directory = directory_, .on_exit = [this](const std::string& how) { ended_.set_value(how); }});
  }
  // A program of the test's.
  std::string Script(const std::string& text) const {
    const std::string path = directory_ + "/program";
    EXPECT_TRUE(WriteFile(path, absl::StrCat("#!/bin/sh\n", text, "\n"), 0755).ok());
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    return path;
  }
  // Of the worker that was started last; 0 once it is gone.
  pid_t Pid() const {
    const std::string note = ReadFile(absl::StrCat(directory_, "/", kWorkerNote), 4096).value_or("");
    pid_t pid = 0;
    const std::vector<std::string> words = absl::StrSplit(note, ' ');
    return absl::SimpleAtoi(words[0], &pid) && kill(pid, 0) == 0 ? pid : 0;
  }

  std::string directory_;
  std::promise<std::string> ended_;
};

TEST_F(NetsvcLauncherTest, StartsAWorkerThatGoesWithItsObject) {
  const auto launcher = Make(kNetsvc);
  ASSERT_NE(launcher, nullptr);
  absl::StatusOr<std::unique_ptr<Worker>> worker = Launch(*launcher);
  ASSERT_TRUE(worker.ok()) << worker.status();
  EXPECT_NE(Pid(), 0);
  // It answers, though it knows of no sandbox.
  EXPECT_TRUE(absl::IsFailedPrecondition((*worker)->DetachLink()));
  *worker = nullptr;
  EXPECT_EQ(Pid(), 0);
}

TEST_F(NetsvcLauncherTest, TellsOfAWorkerThatDies) {
  const auto launcher = Make(kNetsvc);
  ASSERT_NE(launcher, nullptr);
  const absl::StatusOr<std::unique_ptr<Worker>> worker = Launch(*launcher);
  ASSERT_TRUE(worker.ok()) << worker.status();
  ASSERT_EQ(kill(Pid(), SIGKILL), 0);
  EXPECT_EQ(ended_.get_future().get(), "the worker process was killed by signal 9 (Killed)");
  EXPECT_TRUE(absl::IsUnavailable((*worker)->DetachLink()));
}

TEST_F(NetsvcLauncherTest, SaysHowAProgramEndedThatIsNoWorker) {
  const auto launcher = Make(Script("exit 3"));
  ASSERT_NE(launcher, nullptr);
  EXPECT_EQ(Launch(*launcher).status(), absl::InternalError("the worker process exited with status 3 as it started"));
  EXPECT_EQ(Pid(), 0);
}

TEST_F(NetsvcLauncherTest, SaysThatThereIsNoProgram) {
  EXPECT_THAT(NetsvcLauncher::Make("/nowhere/sluice-netsvc", /*backstop_home=*/"").status().message(),
              HasSubstr("the worker program /nowhere/sluice-netsvc is not there"));
}

TEST_F(NetsvcLauncherTest, EndsAWorkerThatAnEarlierServerLeft) {
  EXPECT_TRUE(KillLeftoverWorker(directory_).ok()) << "there is none";
  const auto launcher = Make(kNetsvc);
  ASSERT_NE(launcher, nullptr);
  const absl::StatusOr<std::unique_ptr<Worker>> worker = Launch(*launcher);
  ASSERT_TRUE(worker.ok()) << worker.status();
  EXPECT_TRUE(KillLeftoverWorker(directory_).ok());
  EXPECT_THAT(ended_.get_future().get(), HasSubstr("signal 9"));
  EXPECT_TRUE(KillLeftoverWorker(directory_).ok()) << "again";
}

TEST_F(NetsvcLauncherTest, LeavesAProcessThatOnlyHasTheNumber) {
  // A note of this very process, but of another boot.
  const std::string note = absl::StrCat(directory_, "/", kWorkerNote);
  ASSERT_TRUE(WriteFile(note, absl::StrCat(getpid(), " 1 00000000-0000-0000-0000-000000000000")).ok());
  EXPECT_TRUE(KillLeftoverWorker(directory_).ok());
  for (const char* nonsense : {"", "x", "-1 2 3", "0 0 0", "99999999999 1 1"}) {
    ASSERT_TRUE(WriteFile(note, nonsense).ok());
    EXPECT_TRUE(KillLeftoverWorker(directory_).ok()) << nonsense;
  }
}

}  // namespace
}  // namespace sluice
