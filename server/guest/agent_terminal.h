#ifndef SLUICE_SERVER_GUEST_AGENT_TERMINAL_H_
#define SLUICE_SERVER_GUEST_AGENT_TERMINAL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/guest/agent_tools.h"
#include "server/guest/guest_agent.h"
#include "server/guest/guest_process.h"
#include "server/guest/io_thread.h"

namespace sluice {

// A GuestProcess at a terminal that a guest's own programs make (AgentTools).
//
// The agent tells what a program printed when that has ended, and no earlier. So the
// terminal shows into a pipe in the guest (see agent_command.h), and a program is
// started for each piece of it that is asked for, which ends with that piece; likewise
// for each piece that is typed. Nothing is read ahead: who does not read stops the
// program, and neither guest nor server keeps more than the pipe and a piece.
//
// A program that signal N ended is told as one that exited with 128 + N, as in a
// shell: script(1) says no more.
class AgentTerminal : public GuestProcess {
 public:
  struct Options {
    std::shared_ptr<GuestAgent> agent;
    ExecOptions program;  // with a terminal
    AgentTools tools;     // as FindTools() says of it
    absl::Duration timeout;  // for a start
    // Called once, from a thread of its own, when nothing of the program is left here;
    // not where Start fails.
    std::function<void()> on_end;
  };

  // Returns once the terminal is there and the program about to run: one that the guest
  // does not have ends with 127, as in a shell. `io` outlives it. Blocks.
  // FailedPrecondition, with the guest's words, where it makes no terminal;
  // DeadlineExceeded.
  static absl::StatusOr<std::unique_ptr<AgentTerminal>> Start(IoThread& io, Options options);
  ~AgentTerminal() override;

  pid_t pid() const override;
  void Next(std::function<void(ProcessEvent)> callback) override;
  void WriteStdin(std::string data, std::function<void()> callback) override;
  void CloseStdin() override;
  void Signal(int signal) override;
  void Resize(TerminalSize size) override;

 private:
  class State;

  explicit AgentTerminal(std::shared_ptr<State> state) : state_(std::move(state)) {}

  const std::shared_ptr<State> state_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_TERMINAL_H_
