#ifndef SLUICE_SERVER_CORE_STRAND_H_
#define SLUICE_SERVER_CORE_STRAND_H_

#include <deque>
#include <functional>
#include <memory>

#include "server/base/mutex.h"
#include "server/core/executor.h"

namespace sluice {

// Runs tasks one after another, in the order in which they came, on an
// Executor's threads. What only a strand's tasks touch needs no lock.
//
// Any thread may post. The Executor outlives it; tasks that wait when the last
// reference goes still run.
class Strand : public std::enable_shared_from_this<Strand> {
 public:
  // What callers may have waiting; past it TryPost refuses.
  static constexpr size_t kMaxWaiting = 64;

  static std::shared_ptr<Strand> Create(Executor& executor) { return std::shared_ptr<Strand>(new Strand(executor)); }

  // For what callers ask. False, and the task is not taken, when too many wait.
  bool TryPost(std::function<void()> task);
  // For what must not be lost: the few events of a sandbox's own life.
  void Post(std::function<void()> task);

 private:
  explicit Strand(Executor& executor) : executor_(executor) {}

  void Schedule();
  void RunOne();

  Executor& executor_;
  Mutex mutex_;
  std::deque<std::function<void()>> waiting_ GUARDED_BY(mutex_);
  // A task of this strand is on the executor.
  bool scheduled_ GUARDED_BY(mutex_) = false;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_STRAND_H_
