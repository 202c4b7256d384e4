#include "server/worker/worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/base/mutex.h"
#include "server/worker/worker_lines.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(10);

class WorkerLogTest : public testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    absl::StatusOr<std::unique_ptr<WorkerLog>> log = WorkerLog::Start([this](const std::string& line) {
      const MutexLock lock(mutex_);
      lines_.push_back(line);
      written_.NotifyAll();
    });
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }

  WorkerLog::Pipe Open(const std::string& name) {
    absl::StatusOr<WorkerLog::Pipe> pipe = log_->Open(name);
    EXPECT_TRUE(pipe.ok()) << pipe.status();
    return pipe.ok() ? *std::move(pipe) : WorkerLog::Pipe{};
  }
  static void Say(const WorkerLog::Pipe& pipe, absl::string_view text) {
    const absl::Status status = WriteAll(pipe.write_end.get(), text);
    EXPECT_TRUE(status.ok()) << status;
  }
  std::vector<std::string> Lines() {
    const MutexLock lock(mutex_);
    return lines_;
  }
  // Once there are as many.
  std::vector<std::string> AwaitLines(size_t count) {
    const MutexLock lock(mutex_);
    while (lines_.size() < count && written_.WaitFor(mutex_, kPatience)) {
    }
    return lines_;
  }

  Mutex mutex_;
  CondVar written_;
  std::vector<std::string> lines_ GUARDED_BY(mutex_);
  std::unique_ptr<WorkerLog> log_;
};

TEST_F(WorkerLogTest, WritesWhatWorkersSay) {
  const WorkerLog::Pipe one = Open("1111");
  const WorkerLog::Pipe other = Open("2222");
  Say(one, "warning: slow\nbegun");
  Say(other, "error: \x1b[gone\n");
  EXPECT_THAT(AwaitLines(2), UnorderedElementsAre("worker 1111: warning: slow", "worker 2222: error: \\x1b[gone"));
  Say(one, ", and done\n");
  EXPECT_EQ(AwaitLines(3).back(), "worker 1111: begun, and done");
}

TEST_F(WorkerLogTest, WritesTheLastWordsOfAWorkerThatEnds) {
  WorkerLog::Pipe pipe = Open("1111");
  Say(pipe, "no event loop");
  pipe.write_end.reset();
  EXPECT_THAT(AwaitLines(1), ElementsAre("worker 1111: no event loop"));
  pipe.source = nullptr;
  EXPECT_THAT(Lines(), ElementsAre("worker 1111: no event loop"));
}

TEST_F(WorkerLogTest, WritesWhatWasSaidBeforeItsSourceIsGone) {
  WorkerLog::Pipe pipe = Open("1111");
  Say(pipe, "one\ntwo");
  pipe.source = nullptr;
  EXPECT_THAT(Lines(), ElementsAre("worker 1111: one", "worker 1111: two"));
  // The worker goes on, without a log.
  EXPECT_EQ(write(pipe.write_end.get(), "three\n", 6), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(WorkerLogTest, NeitherBlocksAWorkerThatFloodsNorWritesItAll) {
  WorkerLog::Pipe flood = Open("1111");
  const WorkerLog::Pipe quiet = Open("2222");
  std::string text;
  while (text.size() < 4096) text.append("aaaaaaa\n");
  size_t said = 0;
  while (write(flood.write_end.get(), text.data(), text.size()) > 0) said += text.size() / 8;
  EXPECT_EQ(errno, EAGAIN);
  Say(quiet, "all is well\n");
  const size_t told = WorkerLines::kMaxLinesAMinute + 1;
  EXPECT_THAT(AwaitLines(told), testing::Contains("worker 2222: all is well"));
  flood.source = nullptr;
  EXPECT_EQ(Lines().size(), told + 1);
  EXPECT_EQ(Lines().back(),
            absl::StrCat("worker 1111: lines dropped, past 100 in a minute: ", said - WorkerLines::kMaxLinesAMinute));
}

TEST_F(WorkerLogTest, EndsWithWorkersThatSayNothing) {
  WorkerLog::Pipe pipe = Open("1111");
  pipe.source = nullptr;
  log_ = nullptr;
  EXPECT_THAT(Lines(), IsEmpty());
}

}  // namespace
}  // namespace sluice
