#include "server/core/timers.h"

#include <utility>

#include "absl/time/clock.h"

namespace sluice {

ThreadTimers::ThreadTimers() : thread_([this] { Loop(); }) {}

ThreadTimers::~ThreadTimers() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

void ThreadTimers::RunAfter(absl::Duration delay, std::function<void()> work) {
  {
    const MutexLock lock(mutex_);
    waiting_.emplace(absl::Now() + delay, std::move(work));
  }
  changed_.NotifyAll();
}

void ThreadTimers::Loop() {
  while (true) {
    std::function<void()> work;
    {
      const MutexLock lock(mutex_);
      while (!stopping_ && (waiting_.empty() || waiting_.begin()->first > absl::Now())) {
        if (waiting_.empty()) {
          changed_.Wait(mutex_);
        } else {
          changed_.WaitFor(mutex_, waiting_.begin()->first - absl::Now());
        }
      }
      if (stopping_) return;
      work = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
    }
    work();
  }
}

}  // namespace sluice
