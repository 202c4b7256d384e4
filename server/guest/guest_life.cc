#include "server/guest/guest_life.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sluice {

void GuestLife::Started(UniqueFd pidfd, std::function<void(ProcessExit)> on_exit) {
  const MutexLock lock(mutex_);
  phase_ = Phase::kRunning;
  pidfd_ = std::move(pidfd);
  on_exit_ = std::move(on_exit);
}

void GuestLife::Exited(ProcessExit exit) {
  std::function<void(ProcessExit)> on_exit;
  {
    const MutexLock lock(mutex_);
    phase_ = Phase::kExiting;
    if (!ending_) on_exit = std::exchange(on_exit_, nullptr);
  }
  if (on_exit) on_exit(exit);
  on_exit = nullptr;
  const MutexLock lock(mutex_);
  phase_ = Phase::kEnded;
  changed_.NotifyAll();
}

absl::Status GuestLife::Running() const {
  if (ending_) return absl::FailedPreconditionError("the guest is being ended");
  if (phase_ == Phase::kNew) return absl::FailedPreconditionError("the guest has not started");
  if (phase_ != Phase::kRunning) return absl::FailedPreconditionError("the guest has ended");
  return absl::OkStatus();
}

absl::Status GuestLife::CheckRunning() {
  const MutexLock lock(mutex_);
  return Running();
}

absl::Status GuestLife::Enter(int most) {
  const MutexLock lock(mutex_);
  absl::Status status = Running();
  if (status.ok() && programs_ >= most) {
    status = absl::ResourceExhaustedError(absl::StrCat("the guest runs ", programs_, " programs already, as many as it may"));
  }
  if (status.ok()) ++programs_;
  return status;
}

void GuestLife::Leave() {
  const MutexLock lock(mutex_);
  --programs_;
  changed_.NotifyAll();
}

void GuestLife::End() {
  const MutexLock lock(mutex_);
  ending_ = true;
  if (phase_ == Phase::kRunning) syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

absl::Status GuestLife::AwaitEnd(absl::Time deadline) {
  const MutexLock lock(mutex_);
  while (programs_ > 0 || phase_ == Phase::kRunning || phase_ == Phase::kExiting) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("the guest's processes have not ended yet");
    changed_.WaitFor(mutex_, left);
  }
  return absl::OkStatus();
}

}  // namespace sluice
