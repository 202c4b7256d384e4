#ifndef SLUICE_SERVER_WORKER_EXIT_WATCHER_H_
#define SLUICE_SERVER_WORKER_EXIT_WATCHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"

namespace sluice {

// Tells of processes that end: one thread for all of them. Any thread may use
// it. It outlives its watches.
class ExitWatcher {
 public:
  // Destroying it cancels: afterwards the callback neither runs nor is about to.
  // Not to be destroyed in its own callback.
  class Watch {
   public:
    Watch(ExitWatcher& watcher, uint64_t id, UniqueFd pidfd);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

   private:
    ExitWatcher& watcher_;
    const uint64_t id_;
    const UniqueFd pidfd_;
  };

  static absl::StatusOr<std::unique_ptr<ExitWatcher>> Start();
  ~ExitWatcher();

  // Calls `on_exit` once, on the watcher's thread, when the process ends or
  // where it has ended already. It must not block.
  absl::StatusOr<std::unique_ptr<Watch>> Add(const UniqueFd& pidfd, std::function<void()> on_exit);

 private:
  ExitWatcher(UniqueFd epoll, UniqueFd stop);

  void Loop();
  void Report(uint64_t id);
  void Remove(uint64_t id, int pidfd);

  const UniqueFd epoll_;
  const UniqueFd stop_;  // an eventfd; written to once
  Mutex mutex_;
  CondVar reported_;
  uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  uint64_t reporting_ GUARDED_BY(mutex_) = 0;  // 0: none
  std::unordered_map<uint64_t, std::function<void()>> callbacks_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_EXIT_WATCHER_H_
