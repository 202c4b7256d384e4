#ifndef SLUICE_SERVER_GUEST_FILE_CALL_LIMIT_H_
#define SLUICE_SERVER_GUEST_FILE_CALL_LIMIT_H_

#include <atomic>
#include <memory>

#include "absl/status/statusor.h"

namespace sluice {

// How many calls about one guest's files are under way, and may be. Any thread.
class FileCallLimit {
 public:
  explicit FileCallLimit(int most) : most_(most) {}

  // One more, until the last copy of what is returned is gone, which may outlive
  // this. ResourceExhausted where there are as many as there may be.
  absl::StatusOr<std::shared_ptr<const void>> Take();

 private:
  const int most_;
  const std::shared_ptr<std::atomic<int>> open_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_FILE_CALL_LIMIT_H_
