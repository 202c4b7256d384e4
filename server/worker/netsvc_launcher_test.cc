// Workers as the server starts them: the real sluice-netsvc, and programs that
// are none.

#include "server/worker/netsvc_launcher.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/base/cgroup.h"
#include "server/base/process_note.h"
#include "server/worker/egress_backstop.h"
#include "server/worker/message_socket.h"
#include "server/worker/unix_socket.h"
#include "server/worker/worker_client.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

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
    absl::StatusOr<std::unique_ptr<NetsvcLauncher>> launcher = NetsvcLauncher::Make(program, {});
    EXPECT_TRUE(launcher.ok()) << launcher.status();
    return launcher.ok() ? *std::move(launcher) : nullptr;
  }
  absl::StatusOr<std::unique_ptr<Worker>> Launch(NetsvcLauncher& launcher) {
    return launcher.Launch({.directory = directory_, .on_exit = [this](const std::string& how) { ended_.set_value(how); }});
  }
  absl::StatusOr<std::unique_ptr<Worker>> Adopt(NetsvcLauncher& launcher) {
    return launcher.Adopt({.directory = directory_, .on_exit = [this](const std::string& how) { ended_.set_value(how); }});
  }
  // A process at the worker's socket, with its note, that answers one Hello with
  // `version` and nothing else.
  pid_t StartWorkerOfVersion(uint32_t version) const {
    const absl::StatusOr<UniqueFd> listener = ListenUnix(directory_, kWorkerSocket);
    EXPECT_TRUE(listener.ok()) << listener.status();
    const pid_t pid = fork();
    if (pid == 0) {
      const UniqueFd server(accept(listener->get(), nullptr, nullptr));
      internal::v1::Request request;
      request.ParseFromString(ReceiveMessage(server.get(), absl::InfiniteFuture()).value_or(""));
      internal::v1::Response response;
      response.set_id(request.id());
      response.mutable_hello()->set_version(version);
      SendMessage(server.get(), response.SerializeAsString(), {}, absl::InfiniteFuture()).IgnoreError();
      while (true) pause();
    }
    EXPECT_TRUE(WriteProcessNote(absl::StrCat(directory_, "/", kWorkerNote), pid).ok());
    return pid;
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
  const absl::Time began = absl::Now();
  EXPECT_EQ(Launch(*launcher).status(), absl::InternalError("the worker process exited with status 3 as it started"));
  EXPECT_LT(absl::Now() - began, NetsvcLauncher::kStartTimeout) << "its end was not seen";
  EXPECT_EQ(Pid(), 0);
}

// It has no descriptor of the log itself, which it might cut or overwrite.
TEST_F(NetsvcLauncherTest, LogsWhatAWorkerSaysInAPipe) {
  std::ostringstream text;
  const std::shared_ptr<spdlog::logger> own = spdlog::default_logger();
  const absl::Cleanup restore = [&] { spdlog::set_default_logger(own); };
  const auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
  log->set_pattern("%l: %v");
  spdlog::set_default_logger(log);
  const auto launcher = Make(Script("readlink /proc/self/fd/1 /proc/self/fd/2; echo it is broken >&2; exit 3"));
  ASSERT_NE(launcher, nullptr);
  EXPECT_THAT(std::string(Launch(*launcher).status().message()), HasSubstr("exited with status 3"));
  const std::string uid = std::filesystem::path(directory_).filename().string();
  const std::vector<std::string> lines = absl::StrSplit(text.str(), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 3u) << text.str();
  EXPECT_THAT(lines[0], StartsWith(absl::StrCat("warning: worker ", uid, ": pipe:[")));
  EXPECT_EQ(lines[1], lines[0]);
  EXPECT_EQ(lines[2], absl::StrCat("warning: worker ", uid, ": it is broken"));
}

TEST_F(NetsvcLauncherTest, SaysThatThereIsNoProgram) {
  EXPECT_THAT(NetsvcLauncher::Make("/nowhere/sluice-netsvc", {}).status().message(),
              HasSubstr("the worker program /nowhere/sluice-netsvc is not there"));
}

TEST_F(NetsvcLauncherTest, RemovesTheCgroupOfAWorkerThatIsGone) {
  const absl::StatusOr<std::string> home = EgressBackstop::FindHome();
  if (!home.ok()) GTEST_SKIP() << home.status();
  const std::string cgroup =
      absl::StrCat(*home, "/", WorkerCgroup(std::filesystem::path(directory_).filename().string()));
  const auto launcher = NetsvcLauncher::Make(kNetsvc, {.backstop_home = *home});
  ASSERT_TRUE(launcher.ok()) << launcher.status();
  {
    const absl::StatusOr<std::unique_ptr<Worker>> worker = Launch(**launcher);
    ASSERT_TRUE(worker.ok()) << worker.status();
    EXPECT_TRUE(std::filesystem::exists(cgroup));
  }
  // As where a server is killed before it can remove it.
  ASSERT_TRUE(std::filesystem::create_directory(cgroup));
  EXPECT_TRUE(absl::IsNotFound(Adopt(**launcher).status()));
  EXPECT_FALSE(std::filesystem::exists(cgroup));
}

TEST_F(NetsvcLauncherTest, AdoptsAWorkerThatAnEarlierServerLeft) {
  const auto launcher = Make(kNetsvc);
  ASSERT_NE(launcher, nullptr);
  EXPECT_TRUE(absl::IsNotFound(Adopt(*launcher).status())) << "there is none";
  absl::StatusOr<std::unique_ptr<Worker>> first = Launch(*launcher);
  ASSERT_TRUE(first.ok()) << first.status();
  const pid_t pid = Pid();
  (*first)->Leave();
  *first = nullptr;
  absl::StatusOr<std::unique_ptr<Worker>> next = Adopt(*launcher);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(Pid(), pid);
  EXPECT_TRUE(absl::IsFailedPrecondition((*next)->DetachLink())) << "it answers, though it knows of no sandbox";
  EXPECT_TRUE(absl::IsFailedPrecondition((*next)->Resume({}, false).status())) << "nor is it of this one";
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  EXPECT_THAT(ended_.get_future().get(), HasSubstr("signal 9"));
}

TEST_F(NetsvcLauncherTest, AdoptsNoWorkerThatSpeaksNoVersionOfIts) {
  for (const uint32_t version : {WorkerClient::kVersion, WorkerClient::kVersion + 1}) {
    SCOPED_TRACE(version);
    const pid_t other = StartWorkerOfVersion(version);
    const auto launcher = Make(kNetsvc);
    ASSERT_NE(launcher, nullptr);
    const absl::Status status = Adopt(*launcher).status();
    if (version == WorkerClient::kVersion) {
      EXPECT_TRUE(status.ok()) << status;
    } else {
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("the worker speaks version 2 of the internal protocol"));
    }
    // In either case it went with its object, or had none.
    EXPECT_TRUE(absl::IsNotFound(ReadProcessNote(absl::StrCat(directory_, "/", kWorkerNote)).status()));
    waitpid(other, nullptr, 0);
  }
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
