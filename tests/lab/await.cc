#include "tests/lab/await.h"

#include <errno.h>
#include <poll.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "netsvc/base/io.h"

namespace sluice::lab {

int PollTimeout(absl::Time deadline) {
  const absl::Duration left = absl::Ceil(deadline - absl::Now(), absl::Milliseconds(1));
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(left), 0, 1 << 30));
}

absl::Status AwaitReadable(int fd, absl::Time deadline) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  int n;
  do {
    n = poll(&p, 1, PollTimeout(deadline));
  } while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoError(errno, "poll");
  return n > 0 ? absl::OkStatus() : absl::DeadlineExceededError("nothing came in time");
}

}  // namespace sluice::lab
