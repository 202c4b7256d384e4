#ifndef SLUICE_SERVER_GUEST_LOCAL_PROCESS_H_
#define SLUICE_SERVER_GUEST_LOCAL_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/guest_process.h"
#include "server/guest/io_thread.h"

namespace sluice {

// A GuestProcess that is a child of this process, behind three pipes or a
// terminal. Its state lives on the I/O thread; this object posts to it. `io`
// outlives it.
class LocalProcess : public GuestProcess {
 public:
  // How long after its terminal was hung up a program may still run.
  static constexpr absl::Duration kHangUpGrace = absl::Seconds(5);

  struct Options {
    pid_t host_pid = 0;   // in a process group that none of this process's own are in
    pid_t guest_pid = 0;
    UniqueFd pidfd;
    // The server's ends of pipes; or the terminal's master, twice, and none.
    UniqueFd stdin_fd;
    UniqueFd stdout_fd;
    UniqueFd stderr_fd;
    bool has_terminal = false;
    // On the I/O thread, which it does not hold up: how a signal gets to the program's
    // group, where `host_pid` only stands for a process of a kernel of the guest's own.
    // Empty: as to any process of this host.
    std::function<void(int signal)> signal = {};
    // On the I/O thread once the process is reaped, whether or not this object
    // still exists.
    std::function<void()> on_reaped;
  };

  LocalProcess(IoThread& io, Options options);
  ~LocalProcess() override;

  pid_t pid() const override { return guest_pid_; }
  void Next(std::function<void(ProcessEvent)> callback) override;
  void WriteStdin(std::string data, std::function<void()> callback) override;
  void CloseStdin() override;
  void Signal(int signal) override;
  void Resize(TerminalSize size) override;

 private:
  class State;

  IoThread& io_;
  const pid_t guest_pid_;
  std::shared_ptr<State> state_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_LOCAL_PROCESS_H_
