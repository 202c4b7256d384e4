#ifndef SLUICE_SERVER_GUEST_SIGNAL_SENDER_H_
#define SLUICE_SERVER_GUEST_SIGNAL_SENDER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/guest/io_thread.h"

namespace sluice {

// Sends signals to a program by programs of the host's, one at a time. A signal that
// is sent again while it waits goes to the end of the queue, which so has each signal
// once at most. In a shared_ptr, on the I/O thread but for construction; `io` outlives
// it, and senders that are under way go on without their owner.
class SignalSender : public std::enable_shared_from_this<SignalSender> {
 public:
  // Starts what sends `signal`, in a session of its own; returns its pid.
  using Start = std::function<absl::StatusOr<pid_t>(int signal)>;

  // What takes longer than `timeout` is killed.
  SignalSender(IoThread& io, absl::Duration timeout, Start start)
      : io_(io), timeout_(timeout), start_(std::move(start)) {}

  // A signal whose sender does not start, or fails, is lost.
  void Send(int signal);

 private:
  void SendNext();

  IoThread& io_;
  const absl::Duration timeout_;
  const Start start_;
  std::vector<int> pending_;
  std::unique_ptr<EventLoop::Handle> kill_timer_;  // while one is sent
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_SIGNAL_SENDER_H_
