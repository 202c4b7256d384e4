#include "server/guest/signal_sender.h"

#include <signal.h>

#include <chrono>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/guest/run_program.h"

namespace sluice {
namespace {

constexpr std::chrono::seconds kPatience(30);

// Senders that end when they are killed, and not before.
class SignalSenderTest : public testing::Test {
 protected:
  struct Started {
    int signal = 0;
    pid_t pid = 0;
  };

  void SetUp() override {
    absl::StatusOr<std::unique_ptr<IoThread>> io = IoThread::Start();
    ASSERT_TRUE(io.ok()) << io.status();
    io_ = *std::move(io);
    started_.resize(3);
  }
  void TearDown() override {
    io_ = nullptr;
    for (const pid_t pid : pids_) KillChild(pid);
  }

  std::shared_ptr<SignalSender> Make(absl::Duration timeout, int that_cannot_be_sent = 0) {
    return std::make_shared<SignalSender>(*io_, timeout, [=, this](int signal) -> absl::StatusOr<pid_t> {
      if (signal == that_cannot_be_sent) return absl::UnavailableError("no process left");
      const absl::StatusOr<pid_t> pid = StartProgram({.program = "sleep", .args = {"1000"}});
      EXPECT_TRUE(pid.ok()) << pid.status();
      pids_.push_back(pid.value_or(0));
      started_.at(count_++).set_value({.signal = signal, .pid = pid.value_or(0)});
      return pid;
    });
  }
  void Send(const std::shared_ptr<SignalSender>& sender, const std::vector<int>& signals) {
    io_->Post([sender, signals] {
      for (const int signal : signals) sender->Send(signal);
    });
  }
  // What the sender number `n` was started for.
  Started Await(size_t n) {
    std::future<Started> started = started_[n].get_future();
    if (started.wait_for(kPatience) == std::future_status::ready) return started.get();
    ADD_FAILURE() << "no sender number " << n;
    return {};
  }
  // How many were started, when all that was posted is done.
  size_t Count() {
    std::promise<size_t> count;
    io_->Post([&] { count.set_value(count_); });
    return count.get_future().get();
  }

  std::vector<std::promise<Started>> started_;
  size_t count_ = 0;  // on the I/O thread, as what follows
  std::vector<pid_t> pids_;
  std::unique_ptr<IoThread> io_;
};

TEST_F(SignalSenderTest, SendsOneAtATimeAndWhatWaitsOnce) {
  const auto sender = Make(absl::Minutes(10));
  Send(sender, {SIGTERM, SIGSTOP, SIGCONT, SIGCONT, SIGSTOP});
  EXPECT_EQ(Count(), 1u);
  for (const auto& [n, signal] : std::vector<std::pair<size_t, int>>{{0, SIGTERM}, {1, SIGCONT}, {2, SIGSTOP}}) {
    const Started started = Await(n);
    EXPECT_EQ(started.signal, signal);
    ASSERT_GT(started.pid, 0);
    kill(started.pid, SIGKILL);
  }
}

TEST_F(SignalSenderTest, KillsASenderThatTakesTooLong) {
  const auto sender = Make(absl::Milliseconds(10));
  Send(sender, {SIGTERM, SIGINT});
  EXPECT_EQ(Await(0).signal, SIGTERM);
  EXPECT_EQ(Await(1).signal, SIGINT);
}

TEST_F(SignalSenderTest, GoesOnAfterOneThatDoesNotStart) {
  const auto sender = Make(absl::Milliseconds(10), SIGTERM);
  Send(sender, {SIGTERM, SIGINT});
  EXPECT_EQ(Await(0).signal, SIGINT);
}

}  // namespace
}  // namespace sluice
