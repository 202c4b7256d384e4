#ifndef SLUICE_SERVER_GUEST_AGENT_PROCESS_H_
#define SLUICE_SERVER_GUEST_AGENT_PROCESS_H_

#include <functional>
#include <memory>
#include <string>

#include "server/guest/guest_agent.h"
#include "server/guest/guest_process.h"
#include "server/guest/io_thread.h"

namespace sluice {

// A GuestProcess that a guest's agent runs. The agent takes a program's whole input
// at once and tells its output at its end, so: the program starts when its input is
// complete (CloseStdin), and not at all (it ends with 255, and says why) where that is
// more than kMaxInput bytes; its output, at most 16 MiB a stream, comes when it has
// ended, with a last line on stderr where there was more; its number is not known when
// it is asked for. A program that the guest does not have ends with 127, as in
// a shell.
class AgentProcess : public GuestProcess {
 public:
  static constexpr size_t kMaxInput = 4 << 20;  // bytes

  // `options`: as of AgentCommand(). `io` outlives it. `on_end` is called once, from a
  // thread of its own, when nothing of the program is left here.
  AgentProcess(IoThread& io, std::shared_ptr<GuestAgent> agent, ExecOptions options, std::function<void()> on_end);
  ~AgentProcess() override;

  pid_t pid() const override { return 0; }
  void Next(std::function<void(ProcessEvent)> callback) override;
  void WriteStdin(std::string data, std::function<void()> callback) override;
  void CloseStdin() override;
  void Signal(int signal) override;

 private:
  class State;

  const std::shared_ptr<State> state_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_PROCESS_H_
