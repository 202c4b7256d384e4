#ifndef SLUICE_SERVER_CORE_EXECUTOR_H_
#define SLUICE_SERVER_CORE_EXECUTOR_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "server/base/mutex.h"

namespace sluice {

// A fixed number of threads for work that blocks: starting processes, talking
// to workers, removing files. Any thread may call it. Destruction runs what is
// queued, then joins.
class Executor {
 public:
  // What waits on behalf of callers; past it TryRun refuses.
  static constexpr size_t kMaxQueued = 1024;

  explicit Executor(int threads);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  // False, and the task is not taken, while kMaxQueued tasks wait.
  bool TryRun(std::function<void()> task);
  // Never refuses. For callers that bound what they put in: a Strand has one
  // task here at a time.
  void Run(std::function<void()> task);

 private:
  void Loop();

  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_EXECUTOR_H_
