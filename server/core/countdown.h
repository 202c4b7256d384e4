#ifndef SLUICE_SERVER_CORE_COUNTDOWN_H_
#define SLUICE_SERVER_CORE_COUNTDOWN_H_

#include <cstddef>

#include "server/base/mutex.h"

namespace sluice {

// Waits for a number of things to happen. Any thread.
class Countdown {
 public:
  explicit Countdown(size_t left) : left_(left) {}

  void Down() {
    const MutexLock lock(mutex_);
    // Under the lock: the one that waits may end this object once it is let go.
    if (--left_ == 0) done_.NotifyAll();
  }
  void Wait() {
    const MutexLock lock(mutex_);
    while (left_ > 0) done_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar done_;
  size_t left_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_COUNTDOWN_H_
