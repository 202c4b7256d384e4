#ifndef SLUICE_SERVER_CORE_WORKER_POLLER_H_
#define SLUICE_SERVER_CORE_WORKER_POLLER_H_

#include <thread>

#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/core/sandbox_manager.h"

namespace sluice {

// Asks every worker in turn how it is, on the sandboxes' own strands: what it has
// counted, and whether its log can be written. One thread.
class WorkerPoller {
 public:
  // Each worker is asked this often, and less often where more than
  // 1 / kMinStep would be asked in a second.
  static constexpr absl::Duration kInterval = absl::Seconds(1);
  static constexpr absl::Duration kMinStep = absl::Milliseconds(2);

  // `manager` outlives it.
  explicit WorkerPoller(SandboxManager& manager);
  ~WorkerPoller();

 private:
  void Loop();
  // False when it is to stop.
  bool Sleep(absl::Duration duration);

  SandboxManager& manager_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_WORKER_POLLER_H_
