#ifndef SLUICE_TESTS_LAB_NETNS_H_
#define SLUICE_TESTS_LAB_NETNS_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace sluice::lab {

// Moves the calling thread, and it alone, into the network namespace at `path`.
// Threads and processes that it starts later begin there.
absl::Status EnterNetns(const std::string& path);

// Runs `work` on a thread of its own in the network namespace at `path`, and
// returns what it returns. Sockets made there stay there. Any thread.
absl::Status InNetns(const std::string& path, absl::FunctionRef<absl::Status()> work);

}  // namespace sluice::lab

#endif  // SLUICE_TESTS_LAB_NETNS_H_
