#ifndef SLUICE_TESTS_LAB_PROCESS_H_
#define SLUICE_TESTS_LAB_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::lab {

// What a finished command left.
struct CommandResult {
  int exit_code = 0;  // 128 + N where signal N ended it, as a shell says it.
  std::string out;
  std::string err;
};

// A program that runs beside the test, in a process group of its own. Started
// with posix_spawn, so that a test with threads may start one. One thread may
// use it at a time. Its destructor kills the group, unless the process was seen
// to end.
class Process {
 public:
  // Most of either output that RunCommand keeps.
  static constexpr size_t kMaxOutputBytes = size_t{64} << 20;

  struct Options {
    std::string input;        // What it finds on stdin.
    bool merge_err = false;   // stderr is the test's own where false.
  };

  // Starts argv[0], found through PATH. Its stdout (and stderr where merged) is
  // read by ReadLine; a program that writes more than a pipe holds waits.
  static absl::StatusOr<std::unique_ptr<Process>> Spawn(const std::vector<std::string>& argv,
                                                        const Options& options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  // The next line of output, without its end. OutOfRange once there is none,
  // DeadlineExceeded when none came in time.
  absl::StatusOr<std::string> ReadLine(absl::Duration timeout);

  // Sends a signal to the process alone.
  absl::Status Signal(int signal);

  // Waits for its end. The exit code as in CommandResult; DeadlineExceeded
  // where it still runs.
  absl::StatusOr<int> Wait(absl::Duration timeout);

 private:
  Process(pid_t pid, UniqueFd pidfd, UniqueFd output);

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd output_;
  std::string pending_;  // Read, not yet returned by ReadLine.
  int exit_code_ = -1;   // -1 until it was reaped.
};

// Runs a command to its end. DeadlineExceeded (the command and its group are
// killed; the message has what it said on stderr), ResourceExhausted past
// kMaxOutputBytes, or why it could not be started. Any thread.
absl::StatusOr<CommandResult> RunCommand(const std::vector<std::string>& argv,
                                         absl::Duration timeout, const std::string& input = "");

}  // namespace sluice::lab

#endif  // SLUICE_TESTS_LAB_PROCESS_H_
