#include "server/core/strand.h"

#include <utility>

namespace sluice {

bool Strand::TryPost(std::function<void()> task) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) return false;
    waiting_.push_back(std::move(task));
    if (std::exchange(scheduled_, true)) return true;
  }
  Schedule();
  return true;
}

void Strand::Post(std::function<void()> task) {
  {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(task));
    if (std::exchange(scheduled_, true)) return;
  }
  Schedule();
}

void Strand::Schedule() {
  executor_.Run([self = shared_from_this()] { self->RunOne(); });
}

// One task a turn on the executor, so that a busy strand does not keep others
// from its thread.
void Strand::RunOne() {
  std::function<void()> task;
  {
    const MutexLock lock(mutex_);
    task = std::move(waiting_.front());
    waiting_.pop_front();
  }
  task();
  task = nullptr;
  {
    const MutexLock lock(mutex_);
    scheduled_ = !waiting_.empty();
    if (!scheduled_) return;
  }
  Schedule();
}

}  // namespace sluice
