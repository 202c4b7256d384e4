#include "server/core/worker_poller.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/time/clock.h"

namespace sluice {

WorkerPoller::WorkerPoller(SandboxManager& manager) : manager_(manager), thread_([this] { Loop(); }) {}

WorkerPoller::~WorkerPoller() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void WorkerPoller::Loop() {
  while (true) {
    const std::vector<std::shared_ptr<Sandbox>> sandboxes = manager_.Sandboxes();
    const absl::Duration step =
        std::max(kInterval / static_cast<int64_t>(std::max<size_t>(sandboxes.size(), 1)), kMinStep);
    for (const std::shared_ptr<Sandbox>& sandbox : sandboxes) {
      sandbox->AskWorker();
      if (!Sleep(step)) return;
    }
    if (sandboxes.empty() && !Sleep(kInterval)) return;
  }
}

bool WorkerPoller::Sleep(absl::Duration duration) {
  const absl::Time until = absl::Now() + duration;
  const MutexLock lock(mutex_);
  while (!stopping_ && absl::Now() < until) wake_.WaitFor(mutex_, until - absl::Now());
  return !stopping_;
}

}  // namespace sluice
