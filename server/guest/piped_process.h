#ifndef SLUICE_SERVER_GUEST_PIPED_PROCESS_H_
#define SLUICE_SERVER_GUEST_PIPED_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "netsvc/base/unique_fd.h"
#include "server/guest/guest_process.h"
#include "server/guest/io_thread.h"

namespace sluice {

// A GuestProcess behind three pipes. Its state lives on the I/O thread; this
// object posts to it. `io` outlives it.
class PipedProcess : public GuestProcess {
 public:
  struct Options {
    pid_t host_pid = 0;   // leads its own process group
    pid_t guest_pid = 0;
    UniqueFd pidfd;
    // The server's ends.
    UniqueFd stdin_fd;
    UniqueFd stdout_fd;
    UniqueFd stderr_fd;
    // On the I/O thread once the process is reaped, whether or not this object
    // still exists.
    std::function<void()> on_reaped;
  };

  PipedProcess(IoThread& io, Options options);
  ~PipedProcess() override;

  pid_t pid() const override { return guest_pid_; }
  void Next(std::function<void(ProcessEvent)> callback) override;
  void WriteStdin(std::string data, std::function<void()> callback) override;
  void CloseStdin() override;
  void Signal(int signal) override;

 private:
  class State;

  IoThread& io_;
  const pid_t guest_pid_;
  std::shared_ptr<State> state_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_PIPED_PROCESS_H_
