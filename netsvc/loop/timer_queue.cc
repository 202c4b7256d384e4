#include "netsvc/loop/timer_queue.h"

#include <utility>

namespace sluice {

class TimerQueue::Timer : public EventLoop::Handle {
 public:
  static constexpr size_t kNotQueued = SIZE_MAX;

  Timer(TimerQueue& queue, absl::Duration deadline, uint64_t sequence, std::function<void()> callback)
      : deadline(deadline), sequence(sequence), callback(std::move(callback)), queue_(queue) {}
  ~Timer() override {
    if (index != kNotQueued) queue_.Remove(*this);
  }

  const absl::Duration deadline;
  const uint64_t sequence;
  std::function<void()> callback;
  size_t index = kNotQueued;  // in the heap

 private:
  TimerQueue& queue_;
};

std::unique_ptr<EventLoop::Handle> TimerQueue::Add(absl::Duration deadline, std::function<void()> callback) {
  auto timer = std::make_unique<Timer>(*this, deadline, next_sequence_++, std::move(callback));
  heap_.push_back(nullptr);
  Place(heap_.size() - 1, timer.get());
  SiftUp(timer->index);
  return timer;
}

int TimerQueue::RunDue(absl::Duration now) {
  const uint64_t end = next_sequence_;
  int ran = 0;
  while (!heap_.empty() && heap_.front()->deadline <= now && heap_.front()->sequence < end) {
    Timer& timer = *heap_.front();
    Remove(timer);
    // The callback may destroy its own handle, so it runs from the stack.
    const std::function<void()> callback = std::move(timer.callback);
    callback();
    ++ran;
  }
  return ran;
}

absl::Duration TimerQueue::next_deadline() const {
  return heap_.empty() ? absl::InfiniteDuration() : heap_.front()->deadline;
}

bool TimerQueue::Before(const Timer& a, const Timer& b) {
  return a.deadline != b.deadline ? a.deadline < b.deadline : a.sequence < b.sequence;
}

void TimerQueue::Remove(Timer& timer) {
  const size_t hole = std::exchange(timer.index, Timer::kNotQueued);
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  Place(hole, last);
  SiftUp(hole);
  SiftDown(last->index);
}

void TimerQueue::Place(size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index = index;
}

void TimerQueue::SiftUp(size_t index) {
  Timer* const timer = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (!Before(*timer, *heap_[parent])) break;
    Place(std::exchange(index, parent), heap_[parent]);
  }
  Place(index, timer);
}

void TimerQueue::SiftDown(size_t index) {
  Timer* const timer = heap_[index];
  for (size_t child = 2 * index + 1; child < heap_.size(); child = 2 * index + 1) {
    if (child + 1 < heap_.size() && Before(*heap_[child + 1], *heap_[child])) ++child;
    if (!Before(*heap_[child], *timer)) break;
    Place(std::exchange(index, child), heap_[child]);
  }
  Place(index, timer);
}

}  // namespace sluice
