#ifndef SLUICE_NETSVC_LOOP_FAKE_LOOP_H_
#define SLUICE_NETSVC_LOOP_FAKE_LOOP_H_

#include <functional>
#include <map>
#include <memory>

#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "netsvc/loop/epoll_loop.h"
#include "netsvc/loop/event_loop.h"

namespace sluice {

// A loop for tests: real descriptors, virtual time, no waiting. Time moves by
// Advance() and Run() alone. Takes no signals from the process; RaiseSignal()
// stands for them.
class FakeLoop : public EventLoop {
 public:
  FakeLoop();
  ~FakeLoop() override;

  const Clock& clock() const override { return clock_; }
  std::unique_ptr<Handle> Watch(int fd, uint32_t events, std::function<void(uint32_t)> callback) override;
  std::unique_ptr<Handle> RunAfter(absl::Duration delay, std::function<void()> callback) override;
  std::unique_ptr<Handle> OnSignal(int signal, std::function<void()> callback) override;
  void Post(std::function<void()> work) override { loop_->Post(std::move(work)); }
  void SetHook(Hook* hook) override { loop_->SetHook(hook); }
  bool SetInterest(int fd, uint32_t was, uint32_t events) override { return loop_->SetInterest(fd, was, events); }
  // Until Stop(), or until nothing is left that could happen: idle, no timer.
  void Run() override;
  void Stop() override { stopped_ = true; }

  // Turns until nothing is ready, due or posted. Dies after kMaxTurns: a watch
  // whose callback does not drain its descriptor is never idle.
  void RunUntilIdle();

  // RunUntilIdle(), then moves the clock on by `by`, stopping at every timer on
  // the way to run it and what follows from it.
  void Advance(absl::Duration by);

  // Runs the callback for `signal`, if there is one.
  void RaiseSignal(int signal);

 private:
  class SignalHandle;

  static constexpr int kMaxTurns = 100'000;

  void AdvanceTo(absl::Duration deadline);

  FakeClock clock_;
  const std::unique_ptr<EpollLoop> loop_;
  std::map<int, std::function<void()>> signals_;
  bool stopped_ = false;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_LOOP_FAKE_LOOP_H_
