#ifndef SLUICE_SERVER_GUEST_CALL_LIMIT_H_
#define SLUICE_SERVER_GUEST_CALL_LIMIT_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace sluice {

// How many calls of one kind are under way in a guest, and may be. Any thread.
class CallLimit {
 public:
  // `kind`: in the plural, for errors.
  CallLimit(int most, std::string kind) : most_(most), kind_(std::move(kind)) {}

  // One more, until the last copy of what is returned is gone, which may outlive
  // this. ResourceExhausted where there are as many as there may be.
  absl::StatusOr<std::shared_ptr<const void>> Take();

 private:
  const int most_;
  const std::string kind_;
  const std::shared_ptr<std::atomic<int>> open_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_CALL_LIMIT_H_
