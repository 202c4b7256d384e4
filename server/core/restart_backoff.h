#ifndef SLUICE_SERVER_CORE_RESTART_BACKOFF_H_
#define SLUICE_SERVER_CORE_RESTART_BACKOFF_H_

#include <algorithm>
#include <optional>

#include "absl/time/time.h"

namespace sluice {

// How soon, and whether, a worker that ended is replaced: at once the first time,
// later and later where its successors end soon too, and in the end no more. A
// value; one thread.
class RestartBackoff {
 public:
  // A worker that lived for so long begins anew.
  static constexpr absl::Duration kStable = absl::Seconds(30);
  static constexpr absl::Duration kFirstDelay = absl::Milliseconds(100);
  static constexpr absl::Duration kMaxDelay = absl::Seconds(10);
  // Ends in a row; past it there is none.
  static constexpr int kMaxEnds = 10;

  // A worker ended, or could not be started, at `now` (Clock::Monotonic). How
  // long to wait for the next; nothing: give up.
  std::optional<absl::Duration> OnEnd(absl::Duration now) {
    if (now - next_start_ >= kStable) ends_ = 0;
    if (++ends_ > kMaxEnds) return std::nullopt;
    const absl::Duration delay =
        ends_ == 1 ? absl::ZeroDuration() : std::min(kFirstDelay * (int64_t{1} << (ends_ - 2)), kMaxDelay);
    next_start_ = now + delay;
    return delay;
  }

 private:
  int ends_ = 0;  // in a row
  absl::Duration next_start_ = -absl::InfiniteDuration();
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_RESTART_BACKOFF_H_
