#ifndef SLUICE_SERVER_WORKER_CHILD_PROCESS_H_
#define SLUICE_SERVER_WORKER_CHILD_PROCESS_H_

#include <signal.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// A process that the server, or one before it, started, by its pidfd. One thread
// at a time, but Kill from any.
class ChildProcess {
 public:
  struct Options {
    std::string program;  // path
    std::vector<std::string> args;
    // Becomes descriptor 3.
    const UniqueFd& descriptor;
    // Becomes standard output and error. Standard input is /dev/null, and nothing
    // else is passed on: no descriptor, no environment, no signal mask.
    const UniqueFd& output;
  };

  // In a session of its own and with "/" as its directory.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const Options& options);
  // One that an earlier server started: how it ends is told to others.
  static std::unique_ptr<ChildProcess> Adopt(pid_t pid, UniqueFd pidfd);
  // Kills it where it still runs, and waits.
  ~ChildProcess();
  // It goes on without this object.
  void Leave() { left_ = true; }

  pid_t pid() const { return pid_; }
  // Readable once the process has ended.
  const UniqueFd& pidfd() const { return pidfd_; }

  void Kill();
  // True once it has ended; it is reaped then.
  bool WaitFor(absl::Duration timeout);
  // "exited with status 1", "was killed by signal 9 (Killed)", or "ended" of one
  // that was adopted. Once it has ended; does not reap it.
  std::string HowItEnded() const;

 private:
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  const pid_t pid_;
  const UniqueFd pidfd_;
  bool left_ = false;
  bool ended_ = false;
  siginfo_t end_{};  // how, where this process was told
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_CHILD_PROCESS_H_
