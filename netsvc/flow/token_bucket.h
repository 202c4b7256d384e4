#ifndef SLUICE_NETSVC_FLOW_TOKEN_BUCKET_H_
#define SLUICE_NETSVC_FLOW_TOKEN_BUCKET_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace sluice::flow {

// So many units a second, and a burst of what kBurstTime fills. Something larger
// than what is left may pass while anything is: it is paid back before the next.
// So over any time, what passes is at most the rate times that time, the burst
// and one unit of passage. A value; one thread.
class TokenBucket {
 public:
  static constexpr absl::Duration kBurstTime = absl::Milliseconds(50);

  // No limit.
  TokenBucket() = default;
  // 0: no limit. Full at first.
  explicit TokenBucket(uint64_t per_second) : per_second_(per_second) {}

  bool limited() const { return per_second_ != 0; }

  // How long until something may pass; 0 where it may now. `now` is monotonic.
  absl::Duration Wait(absl::Duration now) const {
    return limited() ? std::max(full_at_ - now - kBurstTime, absl::ZeroDuration()) : absl::ZeroDuration();
  }
  // `amount` passed.
  void Take(uint64_t amount, absl::Duration now) {
    if (!limited()) return;
    const auto seconds = static_cast<double>(amount) / static_cast<double>(per_second_);
    full_at_ = std::max(full_at_, now) + absl::Seconds(seconds);
  }

 private:
  uint64_t per_second_ = 0;
  // When the bucket would be full again.
  absl::Duration full_at_ = -absl::InfiniteDuration();
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_TOKEN_BUCKET_H_
