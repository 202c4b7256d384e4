#ifndef SLUICE_SERVER_ACCESS_STREAM_LIMIT_H_
#define SLUICE_SERVER_ACCESS_STREAM_LIMIT_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"

namespace sluice {

// How many streams each caller has open, and may have. Any thread.
class StreamLimit {
 public:
  explicit StreamLimit(size_t max_of_one) : max_of_one_(max_of_one), open_(std::make_shared<Open>()) {}

  // One more of `caller`, until the last copy of what is returned is gone.
  // ResourceExhausted where there are as many as there may be.
  absl::StatusOr<std::shared_ptr<const void>> Take(const std::string& caller);

 private:
  struct Open {
    Mutex mutex;
    std::map<std::string, size_t> of_caller GUARDED_BY(mutex);
  };

  const size_t max_of_one_;
  const std::shared_ptr<Open> open_;  // streams may outlive this
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_STREAM_LIMIT_H_
