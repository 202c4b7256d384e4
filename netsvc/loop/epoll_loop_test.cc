#include "netsvc/loop/epoll_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

// A descriptor that is readable from the start.
UniqueFd ReadyFd() { return UniqueFd(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)); }

void Drain(const UniqueFd& fd) {
  uint64_t value;
  ASSERT_EQ(read(fd.get(), &value, sizeof(value)), static_cast<ssize_t>(sizeof(value)));
}

class EpollLoopTest : public testing::Test {
 protected:
  int Turn() { return loop_->RunOnce(absl::ZeroDuration()); }

  FakeClock clock_;
  const std::unique_ptr<EpollLoop> loop_ = EpollLoop::Create(clock_).value();
};

TEST_F(EpollLoopTest, CallsBackWhileReady) {
  const UniqueFd fd = ReadyFd();
  int calls = 0;
  const auto watch = loop_->Watch(fd.get(), EPOLLIN, [&](uint32_t events) {
    EXPECT_EQ(events, static_cast<uint32_t>(EPOLLIN));
    ++calls;
  });
  EXPECT_EQ(Turn(), 1);
  EXPECT_EQ(Turn(), 1);
  Drain(fd);
  EXPECT_EQ(Turn(), 0);
  EXPECT_EQ(calls, 2);
}

TEST_F(EpollLoopTest, DestroyedWatchIsSilent) {
  const UniqueFd fd = ReadyFd();
  auto watch = loop_->Watch(fd.get(), EPOLLIN, [](uint32_t) { FAIL(); });
  watch.reset();
  EXPECT_EQ(Turn(), 0);
}

TEST_F(EpollLoopTest, WatchMayDestroyItselfInItsCallback) {
  const UniqueFd fd = ReadyFd();
  std::unique_ptr<EventLoop::Handle> watch;
  std::string text = "alive";
  watch = loop_->Watch(fd.get(), EPOLLIN, [&watch, text, &out = text](uint32_t) {
    watch.reset();
    out = text + " after its handle";  // the callback's own capture
  });
  EXPECT_EQ(Turn(), 1);
  EXPECT_EQ(text, "alive after its handle");
  EXPECT_EQ(Turn(), 0);
}

TEST_F(EpollLoopTest, WatchDestroyedByAnotherOfTheSameBatchIsSilent) {
  const UniqueFd first = ReadyFd();
  const UniqueFd second = ReadyFd();
  std::unique_ptr<EventLoop::Handle> watches[2];
  int calls = 0;
  const auto destroy_both = [&](uint32_t) {
    ++calls;
    watches[0].reset();
    watches[1].reset();
  };
  watches[0] = loop_->Watch(first.get(), EPOLLIN, destroy_both);
  watches[1] = loop_->Watch(second.get(), EPOLLIN, destroy_both);
  EXPECT_EQ(Turn(), 1);
  EXPECT_EQ(Turn(), 0);
  EXPECT_EQ(calls, 1);
}

TEST_F(EpollLoopTest, WatchMadeForTheDescriptorOfADestroyedOneGetsNoStaleEvent) {
  const UniqueFd first = ReadyFd();
  UniqueFd second = ReadyFd();
  const int reused = second.get();
  std::unique_ptr<EventLoop::Handle> watches[2];
  std::unique_ptr<EventLoop::Handle> replacement;
  const auto replace = [&](uint32_t) {
    watches[0].reset();
    watches[1].reset();
    second.reset();
    // Not readable, and most likely the same number.
    second.reset(eventfd(0, EFD_CLOEXEC));
    EXPECT_EQ(second.get(), reused);
    replacement = loop_->Watch(second.get(), EPOLLIN, [](uint32_t) { FAIL(); });
  };
  watches[0] = loop_->Watch(first.get(), EPOLLIN, replace);
  watches[1] = loop_->Watch(second.get(), EPOLLIN, [&](uint32_t events) { replace(events); });
  EXPECT_EQ(Turn(), 1);
  EXPECT_EQ(Turn(), 0);
}

TEST_F(EpollLoopTest, MoreReadyDescriptorsThanOneBatchAllGetTheirTurn) {
  constexpr int kCount = 150;
  std::vector<UniqueFd> fds;
  std::vector<std::unique_ptr<EventLoop::Handle>> watches;
  std::vector<int> calls(kCount);
  for (int i = 0; i < kCount; ++i) {
    fds.push_back(ReadyFd());
    watches.push_back(loop_->Watch(fds[i].get(), EPOLLIN, [&, i](uint32_t) {
      Drain(fds[i]);
      ++calls[i];
    }));
  }
  while (Turn() > 0) {
  }
  EXPECT_EQ(calls, std::vector<int>(kCount, 1));
}

TEST_F(EpollLoopTest, TimersRunInOrderOfDeadlineThenOfAdding) {
  std::string order;
  const auto c = loop_->RunAfter(absl::Seconds(3), [&] { order += 'c'; });
  const auto a = loop_->RunAfter(absl::Seconds(1), [&] { order += 'a'; });
  const auto b1 = loop_->RunAfter(absl::Seconds(2), [&] { order += '1'; });
  const auto b2 = loop_->RunAfter(absl::Seconds(2), [&] { order += '2'; });
  EXPECT_EQ(Turn(), 0);
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Turn(), 3);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Turn(), 1);
  EXPECT_EQ(order, "a12c");
}

TEST_F(EpollLoopTest, ManyTimersCancelledInAnyOrderLeaveTheRestInOrder) {
  constexpr int kCount = 1000;
  std::vector<std::unique_ptr<EventLoop::Handle>> timers;
  std::vector<int> ran;
  for (int i = 0; i < kCount; ++i) {
    const int deadline = (i * 7919) % kCount;  // a permutation: 7919 is prime
    timers.push_back(loop_->RunAfter(absl::Milliseconds(deadline), [&ran, deadline] { ran.push_back(deadline); }));
  }
  for (int i = 0; i < kCount; i += 3) timers[i].reset();
  clock_.Advance(absl::Seconds(1));
  Turn();
  EXPECT_EQ(ran.size(), static_cast<size_t>(kCount - (kCount + 2) / 3));
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
  EXPECT_EQ(loop_->next_deadline(), absl::InfiniteDuration());
}

TEST_F(EpollLoopTest, TimerMayCancelAnotherThatIsDue) {
  std::unique_ptr<EventLoop::Handle> second;
  const auto first = loop_->RunAfter(absl::ZeroDuration(), [&] { second.reset(); });
  second = loop_->RunAfter(absl::ZeroDuration(), [] { FAIL(); });
  EXPECT_EQ(Turn(), 1);
}

TEST_F(EpollLoopTest, TimerMayDestroyAndReplaceItself) {
  std::unique_ptr<EventLoop::Handle> timer;
  int calls = 0;
  std::function<void()> again = [&] {
    ++calls;
    timer = loop_->RunAfter(absl::Seconds(-1), again);
  };
  timer = loop_->RunAfter(absl::ZeroDuration(), again);
  EXPECT_EQ(Turn(), 1);  // what it adds waits for the next turn
  EXPECT_EQ(Turn(), 1);
  EXPECT_EQ(calls, 2);
}

TEST_F(EpollLoopTest, PostedWorkRunsAfterTheCallbacksOfTheTurn) {
  const UniqueFd fd = ReadyFd();
  std::string order;
  loop_->Post([&] { order += "posted "; });
  const auto timer = loop_->RunAfter(absl::ZeroDuration(), [&] { order += "timer "; });
  const auto watch = loop_->Watch(fd.get(), EPOLLIN, [&](uint32_t) { order += "watch "; });
  EXPECT_EQ(Turn(), 3);
  EXPECT_EQ(order, "watch timer posted ");
}

TEST_F(EpollLoopTest, WorkPostedByPostedWorkRunsInTheNextTurnWhichDoesNotWait) {
  bool ran = false;
  loop_->Post([&] { loop_->Post([&] { ran = true; }); });
  EXPECT_EQ(Turn(), 1);
  EXPECT_FALSE(ran);
  EXPECT_EQ(loop_->RunOnce(absl::InfiniteDuration()), 1);
  EXPECT_TRUE(ran);
}

class RecordingHook : public EventLoop::Hook {
 public:
  explicit RecordingHook(std::string& order) : order_(order) {}
  absl::Duration BeforeWait() override {
    order_ += "before ";
    return absl::ZeroDuration();
  }
  void OnReady(int fd, uint32_t events) override {
    order_ += "ready ";
    ready_fd = fd;
    ready_events = events;
  }
  void AfterWait() override { order_ += "after "; }

  int ready_fd = -1;
  uint32_t ready_events = 0;

 private:
  std::string& order_;
};

TEST_F(EpollLoopTest, HookEnclosesTheTurnAndBoundsTheWait) {
  std::string order;
  RecordingHook hook(order);
  loop_->SetHook(&hook);
  const auto timer = loop_->RunAfter(absl::ZeroDuration(), [&] {
    order += "timer ";
    loop_->Post([&] { order += "posted "; });
  });
  loop_->RunOnce(absl::InfiniteDuration());
  EXPECT_EQ(order, "before timer posted after ");
  loop_->SetHook(nullptr);
  Turn();
  EXPECT_EQ(order, "before timer posted after ");
}

TEST_F(EpollLoopTest, HookIsToldOfItsDescriptorsWhileItIsInterested) {
  std::string order;
  RecordingHook hook(order);
  loop_->SetHook(&hook);
  const UniqueFd fd = ReadyFd();
  EXPECT_TRUE(loop_->SetInterest(fd.get(), 0, EPOLLOUT));
  EXPECT_EQ(Turn(), 1);
  EXPECT_EQ(order, "before ready after ");
  EXPECT_EQ(hook.ready_fd, fd.get());
  EXPECT_EQ(hook.ready_events, uint32_t{EPOLLOUT});
  EXPECT_TRUE(loop_->SetInterest(fd.get(), EPOLLOUT, EPOLLIN));
  Turn();
  EXPECT_EQ(hook.ready_events, uint32_t{EPOLLIN});
  EXPECT_TRUE(loop_->SetInterest(fd.get(), EPOLLIN, 0));
  order.clear();
  EXPECT_EQ(Turn(), 0);
  EXPECT_EQ(order, "before after ");
  EXPECT_FALSE(loop_->SetInterest(fd.get(), EPOLLIN, 0)) << "there is none";
  loop_->SetHook(nullptr);
}

TEST_F(EpollLoopTest, StopEndsRunAfterTheTurn) {
  bool posted = false;
  loop_->Post([&] {
    loop_->Stop();
    loop_->Post([] { FAIL(); });
  });
  loop_->Post([&] { posted = true; });
  loop_->Run();
  EXPECT_TRUE(posted);
}

TEST(EpollLoopRealTimeTest, TimerIsNeverEarly) {
  const auto loop = EpollLoop::Create().value();
  const absl::Duration start = loop->clock().Monotonic();
  const auto timer = loop->RunAfter(absl::Microseconds(1500), [&] { loop->Stop(); });
  loop->Run();
  EXPECT_GE(loop->clock().Monotonic() - start, absl::Microseconds(1500));
}

TEST_F(EpollLoopTest, TakesSignalsFromTheProcess) {
  int usr1 = 0;
  int usr2 = 0;
  auto on_usr1 = loop_->OnSignal(SIGUSR1, [&] { ++usr1; });
  const auto on_usr2 = loop_->OnSignal(SIGUSR2, [&] {
    ++usr2;
    on_usr1.reset();
  });
  raise(SIGUSR1);
  Turn();
  EXPECT_EQ(usr1, 1);
  raise(SIGUSR2);
  Turn();
  raise(SIGUSR1);  // blocked still, and nobody's
  Turn();
  EXPECT_EQ(usr1, 1);
  EXPECT_EQ(usr2, 1);
}

TEST_F(EpollLoopTest, SignalHandlerMayDestroyItself) {
  std::unique_ptr<EventLoop::Handle> handle;
  int calls = 0;
  handle = loop_->OnSignal(SIGUSR1, [&] {
    handle.reset();
    ++calls;
  });
  raise(SIGUSR1);
  Turn();
  EXPECT_EQ(calls, 1);
}

TEST_F(EpollLoopTest, WatchingWhatCannotBeWatchedDies) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(loop_->Watch(-1, EPOLLIN, [](uint32_t) {}), "epoll_ctl");
}

TEST_F(EpollLoopTest, TellsOfTurnsThatKeepOthersWaiting) {
  std::vector<EpollLoop::SlowTurn> told;
  loop_->OnSlowTurn([&](const EpollLoop::SlowTurn& turn) { told.push_back(turn); });
  absl::Duration work = EpollLoop::kSlowTurn - absl::Milliseconds(1);
  auto timer = loop_->RunAfter(absl::Seconds(1), [&] { clock_.Advance(work); });
  clock_.Advance(absl::Seconds(1));
  Turn();
  EXPECT_TRUE(told.empty());

  work = EpollLoop::kSlowTurn;
  timer = loop_->RunAfter(absl::Seconds(1), [&] { clock_.Advance(work); });
  clock_.Advance(absl::Seconds(3));
  Turn();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].late, absl::Seconds(2));
  EXPECT_EQ(told[0].worked, EpollLoop::kSlowTurn);
}

}  // namespace
}  // namespace sluice
