#ifndef SLUICE_NETSVC_LOOP_TIMER_QUEUE_H_
#define SLUICE_NETSVC_LOOP_TIMER_QUEUE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/loop/event_loop.h"

namespace sluice {

// The timers of a loop, in a binary heap by deadline; equal deadlines run in the
// order they were added. Adding and cancelling are O(log n), and a cancelled
// timer takes no room. As many as its callers hold handles. Loop thread.
class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // `deadline` is monotonic time. The handle must not outlive the queue.
  std::unique_ptr<EventLoop::Handle> Add(absl::Duration deadline, std::function<void()> callback);

  // Runs the timers due at `now`, but none that their callbacks add. Returns how
  // many ran.
  int RunDue(absl::Duration now);

  // The earliest deadline; absl::InfiniteDuration() without timers.
  absl::Duration next_deadline() const;

 private:
  class Timer;

  static bool Before(const Timer& a, const Timer& b);
  void Remove(Timer& timer);
  void Place(size_t index, Timer* timer);
  void SiftUp(size_t index);
  void SiftDown(size_t index);

  std::vector<Timer*> heap_;  // each owned by its handle's holder
  uint64_t next_sequence_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_LOOP_TIMER_QUEUE_H_
