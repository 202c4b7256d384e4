#include "netsvc/loop/fake_loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <string>

#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(pipe(fds), 0);
    read_end.reset(fds[0]);
    write_end.reset(fds[1]);
  }
  void Write() const { EXPECT_EQ(write(write_end.get(), "x", 1), 1); }
  void Read() const {
    char byte;
    EXPECT_EQ(read(read_end.get(), &byte, 1), 1);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

TEST(FakeLoopTest, AdvanceRunsTimersInOrderEachAtItsTime) {
  FakeLoop loop;
  const absl::Duration start = loop.clock().Monotonic();
  std::string order;
  std::unique_ptr<EventLoop::Handle> chained;
  const auto at = [&](absl::Duration when, char name) {
    EXPECT_EQ(loop.clock().Monotonic() - start, when);
    order += name;
  };
  const auto b = loop.RunAfter(absl::Seconds(2), [&] { at(absl::Seconds(2), 'b'); });
  const auto a = loop.RunAfter(absl::Seconds(1), [&] {
    at(absl::Seconds(1), 'a');
    chained = loop.RunAfter(absl::Milliseconds(500), [&] { at(absl::Milliseconds(1500), 'x'); });
  });
  loop.Advance(absl::Milliseconds(999));
  EXPECT_EQ(order, "");
  loop.Advance(absl::Seconds(10));
  EXPECT_EQ(order, "axb");
  EXPECT_EQ(loop.clock().Monotonic() - start, absl::Milliseconds(10999));
}

TEST(FakeLoopTest, RunUntilIdleFollowsWorkThroughDescriptors) {
  FakeLoop loop;
  const Pipe pipe;
  int received = 0;
  const auto watch = loop.Watch(pipe.read_end.get(), EPOLLIN, [&](uint32_t) {
    pipe.Read();
    if (++received < 3) loop.Post([&] { pipe.Write(); });
  });
  loop.Post([&] { pipe.Write(); });
  loop.RunUntilIdle();
  EXPECT_EQ(received, 3);
}

class WritingHook : public EventLoop::Hook {
 public:
  explicit WritingHook(const Pipe& pipe) : pipe_(pipe) {}
  absl::Duration BeforeWait() override { return absl::InfiniteDuration(); }
  void AfterWait() override {
    if (!wrote_) pipe_.Write();
    wrote_ = true;
  }

 private:
  const Pipe& pipe_;
  bool wrote_ = false;
};

TEST(FakeLoopTest, RunUntilIdleSeesWhatTheHookMadeReady) {
  FakeLoop loop;
  const Pipe pipe;
  WritingHook hook(pipe);
  loop.SetHook(&hook);
  int received = 0;
  const auto watch = loop.Watch(pipe.read_end.get(), EPOLLIN, [&](uint32_t) {
    pipe.Read();
    ++received;
  });
  loop.RunUntilIdle();
  EXPECT_EQ(received, 1);
  loop.SetHook(nullptr);
}

TEST(FakeLoopTest, RunJumpsFromTimerToTimerUntilStopped) {
  FakeLoop loop;
  int ticks = 0;
  std::unique_ptr<EventLoop::Handle> timer;
  std::function<void()> tick = [&] {
    if (++ticks == 5) return loop.Stop();
    timer = loop.RunAfter(absl::Hours(1), tick);
  };
  timer = loop.RunAfter(absl::Hours(1), tick);
  loop.Run();
  EXPECT_EQ(ticks, 5);
}

TEST(FakeLoopTest, RunReturnsWhenNothingCanHappen) {
  FakeLoop loop;
  loop.Run();
}

TEST(FakeLoopTest, RaisesSignalsWithoutTheProcess) {
  FakeLoop loop;
  int calls = 0;
  std::unique_ptr<EventLoop::Handle> handle;
  handle = loop.OnSignal(SIGTERM, [&] {
    ++calls;
    handle.reset();
  });
  loop.RaiseSignal(SIGTERM);
  loop.RaiseSignal(SIGTERM);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace sluice
