#ifndef SLUICE_TESTS_LAB_AWAIT_H_
#define SLUICE_TESTS_LAB_AWAIT_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sluice::lab {

// The time left, in milliseconds for poll(2): rounded up, 0 once it is over.
int PollTimeout(absl::Time deadline);

// Waits until `fd` can be read or has ended. DeadlineExceeded. Any thread.
absl::Status AwaitReadable(int fd, absl::Time deadline);

}  // namespace sluice::lab

#endif  // SLUICE_TESTS_LAB_AWAIT_H_
