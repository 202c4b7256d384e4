#include "server/guest/signal_sender.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsvc/base/unique_fd.h"
#include "server/guest/run_program.h"

namespace sluice {

void SignalSender::Send(int signal) {
  std::erase(pending_, signal);
  pending_.push_back(signal);
  if (!kill_timer_) SendNext();
}

void SignalSender::SendNext() {
  while (!pending_.empty() && !kill_timer_) {
    const int signal = pending_.front();
    pending_.erase(pending_.begin());
    const absl::StatusOr<pid_t> pid = start_(signal);
    if (!pid.ok()) continue;
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
    if (!pidfd.valid()) {
      KillChild(*pid);
      continue;
    }
    // Reaped on this thread, so until then the number is its own.
    kill_timer_ = io_.loop().RunAfter(timeout_, [pid = *pid] { kill(-pid, SIGKILL); });
    io_.ReapOnExit(std::move(pidfd), [self = shared_from_this()](ProcessExit) {
      self->kill_timer_ = nullptr;
      self->SendNext();
    });
  }
}

}  // namespace sluice
