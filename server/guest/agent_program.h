#ifndef SLUICE_SERVER_GUEST_AGENT_PROGRAM_H_
#define SLUICE_SERVER_GUEST_AGENT_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/guest/agent_command.h"
#include "server/guest/agent_output.h"
#include "server/guest/agent_tools.h"
#include "server/guest/guest_agent.h"
#include "server/guest/guest_process.h"

namespace sluice {

// A program that a guest's agent runs, between pipes of the guest or at a terminal that
// the guest's own programs make (AgentTools), asked by AgentProcess for what it does.
// One thread, which blocks while the agent is asked; errors are the agent's.
//
// Its output, see AgentOutput. Its input is a pipe of another holder, whose writing end
// the agent has open until EndInput(); each piece is written by a program that ends
// when the pipe has taken it. At a terminal the input is what is typed.
class AgentProgram {
 public:
  struct Options {
    std::shared_ptr<GuestAgent> agent;
    ExecOptions program;
    AgentTools tools;        // as FindTools() says of it
    absl::Duration timeout;  // of the whole start
    // What is left in the guest is killed when the server has ended for so long.
    absl::Duration unattended = absl::Minutes(5);
  };

  // Bytes typed at once: what the pipe holds of the program that types them. An agent
  // that cannot write all of it when that ends polls for ever (qga/commands.c, as of 7.2).
  static constexpr size_t kMaxTyped = kPipeSize;

  // Returns once it is about to run. FailedPrecondition, with the guest's words, where
  // the guest lacks what that takes; DeadlineExceeded, one call of the agent past
  // Options::timeout at most. A failure then kills what was started, as Stop() does.
  static absl::StatusOr<AgentProgram> Start(Options options);

  // Its number, process group and, at a terminal, session.
  int64_t pid() const { return session_.pid; }
  // To be called before all that follows, each time: that the server is there.
  // FailedPrecondition once the guest has ended.
  absl::Status Attend();

  // kMaxTyped bytes at most; empty is nothing. Not while typing(), which AskTyping() ends.
  absl::Status Type(const std::string& input);
  // No more comes. Not while typing().
  absl::Status EndInput();
  bool typing() const { return typing_ != 0; }
  // FailedPrecondition where it was not written and the program runs on.
  absl::Status AskTyping();

  // Starts to fetch what comes next of the streams that are `wanted`.
  absl::Status Fetch(const std::function<bool(ProcessEvent::Kind)>& wanted);
  // What was fetched, each with data.
  absl::StatusOr<std::vector<ProcessEvent>> Take();
  // How it ended, once AskExit() knows and all of its output was taken. What others that
  // it started print from then on is not waited for.
  std::optional<ProcessExit> exit() const;
  absl::Status AskExit();

  // Whatever comes of it: it may have ended meanwhile.
  void Signal(int signal);
  void Resize(TerminalSize size);

  // Kills what is left of it, a terminal's after kHangUpSeconds. Once, and last. What an
  // agent that is slower than kStepTimeout was not asked by then stays.
  void Stop();

 private:
  explicit AgentProgram(Options options)
      : options_(std::move(options)), start_by_(absl::Now() + options_.timeout) {}

  GuestAgent& agent() { return *options_.agent; }
  bool has_terminal() const { return options_.program.terminal.has_value(); }
  absl::Status CheckTime() const;
  absl::Status AddOutput(ProcessEvent::Kind kind);
  absl::Status AddInput();
  absl::Status StartPlain();
  absl::Status StartTerminal();
  absl::Status AwaitSession();
  absl::Status TakeSession(const std::string& shown);
  absl::Status EndOutput();
  absl::Status CheckTyped(const std::string& words);
  absl::Status Do(std::vector<std::string> command, absl::Duration timeout);
  std::vector<int64_t> Helpers() const;
  void Guard();
  absl::Status Renew();
  void Reap(int64_t process, absl::Time deadline);

  Options options_;
  absl::Time start_by_;
  std::vector<AgentOutput> outputs_;
  // Processes of the guest; 0: none.
  int64_t main_ = 0;    // the program, or its terminal
  int64_t input_ = 0;   // whose pipe is typed into
  int64_t typing_ = 0;
  int64_t marking_ = 0;
  std::vector<int64_t> guards_;  // kill the others; all but the last are to be killed
  std::optional<int64_t> writer_;  // of the input's pipe: a file that the agent has open
  TerminalSession session_;
  std::string shown_;  // at the start
  bool line_is_open_ = false;
  absl::Time guard_again_;
  std::optional<ProcessExit> exit_;
  absl::Time exited_at_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_PROGRAM_H_
