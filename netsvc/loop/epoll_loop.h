#ifndef SLUICE_NETSVC_LOOP_EPOLL_LOOP_H_
#define SLUICE_NETSVC_LOOP_EPOLL_LOOP_H_

#include <signal.h>
#include <sys/epoll.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/loop/timer_queue.h"

namespace sluice {

// EventLoop on epoll(7) and signalfd(2).
//
// One thread: the one that calls Run(). Waits are rounded up to whole
// milliseconds, so timers are late by at most that. A descriptor or signal that
// the kernel refuses to watch ends the process with a message: either the caller
// passed what cannot be watched, or the kernel is out of memory.
class EpollLoop : public EventLoop {
 public:
  // A system error where the process is out of descriptors. `clock` outlives the
  // loop.
  static absl::StatusOr<std::unique_ptr<EpollLoop>> Create(const Clock& clock = Clock::System());
  ~EpollLoop() override;

  const Clock& clock() const override { return clock_; }
  std::unique_ptr<Handle> Watch(int fd, uint32_t events, std::function<void(uint32_t)> callback) override;
  std::unique_ptr<Handle> RunAfter(absl::Duration delay, std::function<void()> callback) override;
  std::unique_ptr<Handle> OnSignal(int signal, std::function<void()> callback) override;
  void Post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  void SetHook(Hook* hook) override { hook_ = hook; }
  bool SetInterest(int fd, uint32_t was, uint32_t events) override;
  void Run() override;
  // The turn that it is called in is the last.
  void Stop() override { stopped_ = true; }

  // A turn that kept everything else waiting.
  struct SlowTurn {
    // How long after its first timer's deadline it began: the process did not run.
    absl::Duration late;
    // How long its callbacks took.
    absl::Duration worked;
  };
  // `callback` hears of each turn of which either is kSlowTurn or more, at its end.
  static constexpr absl::Duration kSlowTurn = absl::Milliseconds(500);
  void OnSlowTurn(std::function<void(const SlowTurn&)> callback) { on_slow_turn_ = std::move(callback); }

  // One turn, waiting `max_wait` at most. Returns how many callbacks and posted
  // work ran, the hook aside.
  int RunOnce(absl::Duration max_wait);

  // Of all timers; absl::InfiniteDuration() without any.
  absl::Duration next_deadline() const { return timers_.next_deadline(); }

 private:
  class WatchHandle;
  class SignalHandle;

  // Readiness is level-triggered: what does not fit waits for the next turn.
  static constexpr size_t kMaxEventsPerTurn = 512;

  EpollLoop(const Clock& clock, UniqueFd epoll) : clock_(clock), epoll_(std::move(epoll)) {}

  int WaitMilliseconds(absl::Duration max_wait);
  int DispatchEvents(std::span<epoll_event> ready);
  int RunPosted();
  void Forget(const WatchHandle& watch);
  void TellIfSlow(const SlowTurn& turn) const;
  void UpdateSignals();
  void ReadSignals();

  const Clock& clock_;
  const UniqueFd epoll_;
  TimerQueue timers_;
  std::vector<std::function<void()>> posted_;
  std::vector<std::function<void()>> running_;  // posted, of this turn
  Hook* hook_ = nullptr;
  std::function<void(const SlowTurn&)> on_slow_turn_;
  bool stopped_ = false;

  std::array<epoll_event, kMaxEventsPerTurn> events_;
  std::span<epoll_event> undispatched_;  // of events_

  std::map<int, SignalHandle*> signals_;
  UniqueFd signal_fd_;
  std::unique_ptr<Handle> signal_watch_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_LOOP_EPOLL_LOOP_H_
