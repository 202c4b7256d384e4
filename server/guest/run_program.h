#ifndef SLUICE_SERVER_GUEST_RUN_PROGRAM_H_
#define SLUICE_SERVER_GUEST_RUN_PROGRAM_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/guest/process_exit.h"

namespace sluice {

// A program of the host's that is run to its end.
struct HostProgram {
  std::string program;            // a path, or a name on PATH
  std::vector<std::string> args;  // without the program itself
  // The program's first three descriptors; -1 is /dev/null.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  // Its descriptors from 3 on; -1 leaves a number out. No others are passed on.
  std::vector<int> more_fds = {};
};

// Starts `program` from the calling thread, in whose namespaces it runs: with "/"
// as its directory, in a session of its own, with no signal blocked or
// ignored. Returns its number, which is the caller's to reap. NotFound where there
// is no such program. Safe in a process of many threads.
absl::StatusOr<pid_t> StartProgram(const HostProgram& program);

// Starts `program` and waits for it. DeadlineExceeded where it took longer than
// `timeout`: its group is killed then. `meanwhile` is called now and then until it ends.
absl::StatusOr<ProcessExit> RunProgram(const HostProgram& program, absl::Duration timeout,
                                       const std::function<void()>& meanwhile = nullptr);

// Kills process `pid` and its group, and reaps it. Does nothing where it is not,
// or no longer, a child of this process.
void KillChild(pid_t pid);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_RUN_PROGRAM_H_
