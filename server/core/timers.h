#ifndef SLUICE_SERVER_CORE_TIMERS_H_
#define SLUICE_SERVER_CORE_TIMERS_H_

#include <functional>
#include <map>
#include <thread>

#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace sluice {

// Runs what has to wait. Any thread.
class Timers {
 public:
  virtual ~Timers() = default;

  // `work`, which does not block, runs once, `delay` from now. Each caller has a
  // bounded number waiting.
  virtual void RunAfter(absl::Duration delay, std::function<void()> work) = 0;
};

// Runs it on a thread of its own. Destruction joins; what still waits is dropped.
class ThreadTimers : public Timers {
 public:
  ThreadTimers();
  ~ThreadTimers() override;
  ThreadTimers(const ThreadTimers&) = delete;
  ThreadTimers& operator=(const ThreadTimers&) = delete;

  void RunAfter(absl::Duration delay, std::function<void()> work) override;

 private:
  void Loop();

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::multimap<absl::Time, std::function<void()>> waiting_ GUARDED_BY(mutex_);  // by when
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_TIMERS_H_
