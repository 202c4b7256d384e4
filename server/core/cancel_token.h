#ifndef SLUICE_SERVER_CORE_CANCEL_TOKEN_H_
#define SLUICE_SERVER_CORE_CANCEL_TOKEN_H_

#include <atomic>
#include <memory>

#include "absl/status/status.h"

namespace sluice {

// Whether whoever asked has gone: the call was cancelled or its time ran out.
// Copies share one state. Any thread.
class CancelToken {
 public:
  void Cancel() { cancelled_->store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_->load(std::memory_order_relaxed); }
  // Cancelled once Cancel() was called. Looked at between the steps of long work.
  absl::Status Check() const {
    return cancelled() ? absl::CancelledError("it was given up before the sandbox was ready") : absl::OkStatus();
  }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_CANCEL_TOKEN_H_
