#ifndef SLUICE_SERVER_GUEST_AGENT_PROCESS_H_
#define SLUICE_SERVER_GUEST_AGENT_PROCESS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/guest/agent_program.h"
#include "server/guest/guest_process.h"
#include "server/guest/io_thread.h"

namespace sluice {

// A GuestProcess that a guest's agent runs, with a terminal or without; see AgentProgram.
// A thread of its own speaks with the agent.
//
// Who does not read stops the program: neither guest nor server keeps more than a piece
// (AgentOutput) and the pipe. Input that a program does not read waits until it has
// ended, also where it has closed its end of the pipe.
//
// A program that the guest does not have ends with 127, as in a shell. One at a terminal
// that signal N ended is told as one that exited with 128 + N: script(1) says no more.
class AgentProcess : public GuestProcess {
 public:
  // Returns once the program is about to run. `io` outlives it. `on_end` is called once,
  // from a thread of its own, when nothing of the program is left here; not where Start
  // fails. Blocks. Errors as of AgentProgram::Start.
  static absl::StatusOr<std::unique_ptr<AgentProcess>> Start(IoThread& io, AgentProgram::Options options,
                                                             std::function<void()> on_end);
  ~AgentProcess() override;

  pid_t pid() const override { return pid_; }
  void Next(std::function<void(ProcessEvent)> callback) override;
  void WriteStdin(std::string data, std::function<void()> callback) override;
  void CloseStdin() override;
  void Signal(int signal) override;
  void Resize(TerminalSize size) override;

 private:
  class State;

  AgentProcess(std::shared_ptr<State> state, pid_t pid) : state_(std::move(state)), pid_(pid) {}

  const std::shared_ptr<State> state_;
  const pid_t pid_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_PROCESS_H_
