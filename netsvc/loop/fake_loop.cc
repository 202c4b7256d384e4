#include "netsvc/loop/fake_loop.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <utility>

namespace sluice {

class FakeLoop::SignalHandle : public Handle {
 public:
  SignalHandle(FakeLoop& loop, int signal) : loop_(loop), signal_(signal) {}
  ~SignalHandle() override { loop_.signals_.erase(signal_); }

 private:
  FakeLoop& loop_;
  const int signal_;
};

FakeLoop::FakeLoop() : loop_(EpollLoop::Create(clock_).value()) {}

FakeLoop::~FakeLoop() = default;

std::unique_ptr<EventLoop::Handle> FakeLoop::Watch(int fd, uint32_t events, std::function<void(uint32_t)> callback) {
  return loop_->Watch(fd, events, std::move(callback));
}

std::unique_ptr<EventLoop::Handle> FakeLoop::RunAfter(absl::Duration delay, std::function<void()> callback) {
  return loop_->RunAfter(delay, std::move(callback));
}

std::unique_ptr<EventLoop::Handle> FakeLoop::OnSignal(int signal, std::function<void()> callback) {
  signals_[signal] = std::move(callback);
  return std::make_unique<SignalHandle>(*this, signal);
}

void FakeLoop::RaiseSignal(int signal) {
  const auto found = signals_.find(signal);
  if (found == signals_.end()) return;
  const std::function<void()> callback = found->second;
  callback();
}

void FakeLoop::Run() {
  while (!stopped_) {
    RunUntilIdle();
    if (stopped_ || loop_->next_deadline() == absl::InfiniteDuration()) break;
    AdvanceTo(loop_->next_deadline());
  }
  stopped_ = false;
}

void FakeLoop::RunUntilIdle() {
  // A hook may make a descriptor ready at the end of an otherwise empty turn.
  int empty_turns = 0;
  for (int turn = 0; turn < kMaxTurns; ++turn) {
    empty_turns = loop_->RunOnce(absl::ZeroDuration()) == 0 ? empty_turns + 1 : 0;
    if (empty_turns == 2) return;
  }
  fprintf(stderr, "FakeLoop: not idle after %d turns\n", kMaxTurns);
  abort();
}

void FakeLoop::Advance(absl::Duration by) {
  const absl::Duration end = clock_.Monotonic() + by;
  RunUntilIdle();
  while (loop_->next_deadline() <= end) {
    AdvanceTo(loop_->next_deadline());
    RunUntilIdle();
  }
  AdvanceTo(end);
  RunUntilIdle();
}

void FakeLoop::AdvanceTo(absl::Duration deadline) {
  clock_.Advance(std::max(deadline - clock_.Monotonic(), absl::ZeroDuration()));
}

}  // namespace sluice
