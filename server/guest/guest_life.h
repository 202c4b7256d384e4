#ifndef SLUICE_SERVER_GUEST_GUEST_LIFE_H_
#define SLUICE_SERVER_GUEST_GUEST_LIFE_H_

#include <functional>
#include <limits>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"
#include "server/guest/process_exit.h"

namespace sluice {

// What of a guest lives: its first process, and the programs that run beside
// it. Shared by the guest and by callbacks of the I/O thread, which may come
// after the guest is gone. Any thread.
class GuestLife {
 public:
  // The first process runs. `on_exit` is called unless End() came before.
  void Started(UniqueFd pidfd, std::function<void(ProcessExit)> on_exit);
  // It ended, and was reaped.
  void Exited(ProcessExit exit);

  // FailedPrecondition where the first process does not run.
  absl::Status CheckRunning();
  // Counts one program more, until Leave(). As CheckRunning(); ResourceExhausted
  // where `most` run already.
  absl::Status Enter(int most = std::numeric_limits<int>::max());
  void Leave();

  // Kills the first process, with which the kernel ends all others. Enter()
  // fails from now on.
  void End();
  // DeadlineExceeded where something lives still, or on_exit still runs.
  absl::Status AwaitEnd(absl::Time deadline);

 private:
  absl::Status Running() const REQUIRES(mutex_);

  enum class Phase { kNew, kRunning, kExiting, kEnded };

  Mutex mutex_;
  CondVar changed_;
  Phase phase_ GUARDED_BY(mutex_) = Phase::kNew;
  bool ending_ GUARDED_BY(mutex_) = false;
  int programs_ GUARDED_BY(mutex_) = 0;
  UniqueFd pidfd_ GUARDED_BY(mutex_);
  std::function<void(ProcessExit)> on_exit_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_LIFE_H_
