#ifndef SLUICE_SERVER_GUEST_AGENT_COMMAND_H_
#define SLUICE_SERVER_GUEST_AGENT_COMMAND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/guest/agent_tools.h"
#include "server/guest/guest_process.h"
#include "server/guest/terminal_size.h"

namespace sluice {

// Command lines for a virtual machine's agent. What a caller chose is an argument
// of its own in each, and never a part of a script's text.

// Runs the program in its directory, as its user, in its environment, which is what runs
// the command with the program's own; `tools`: as FindTools() says of the same options.
std::vector<std::string> AgentCommand(const ExecOptions& options, const AgentTools& tools);

// What a program prints goes into a pipe of another process, the holder, of
// StartWithPipe(); what it reads comes from one, too: a holder's, or the terminal's own.

// Does nothing, for 68 years.
std::vector<std::string> HolderCommand();
// Of a process's pipe, in the guest.
std::string PipePath(int64_t process);
// `command` (of AgentCommand) between these holders' pipes, in a session of its own
// where the guest has setsid. It ends as the program does.
std::vector<std::string> ProgramCommand(int64_t in, int64_t out, int64_t err, const std::vector<std::string>& command);
// The terminal, in which `command` (of AgentCommand) runs;
// in its pipe and the holder's. The first line that it shows is that of
// TerminalSession. It exits as the program does, with 128 + N where signal N ended that.
std::vector<std::string> TerminalCommand(int64_t holder, TerminalSize size, const AgentTools& tools,
                                         const std::vector<std::string>& command);
// Prints what comes next in a holder's pipe, when something does, kPipeSize bytes at
// most; nothing where nobody has the pipe to print into. With `more`, up to
// kFetchedBlocks times as much of what is there meanwhile, where the guest's dd can.
std::vector<std::string> FetchCommand(int64_t holder, bool more);
constexpr size_t kPipeSize = 64 << 10;  // bytes: all that a pipe holds (pipe(7))
constexpr size_t kFetchedBlocks = 16;
// Writes its input into a process's pipe; it ends when that is there.
std::vector<std::string> TypeCommand(int64_t process);
// Prints `mark` into each of these holders' pipes.
std::vector<std::string> MarkCommand(const std::string& mark, const std::vector<int64_t>& holders);

// Of the program at a terminal.
struct TerminalSession {
  int64_t pid = 0;  // its own, its process group's and its session's
  std::string tty;  // a path

  // "PID PATH"; false for anything else.
  static bool Parse(const std::string& line, TerminalSession& session);
};

std::vector<std::string> ResizeCommand(const TerminalSession& session, TerminalSize size);
// To a program's process group, or to itself where it leads none.
std::vector<std::string> SignalCommand(int64_t program, int signal);
// Those that are not 0.
std::vector<std::string> KillCommand(std::vector<int64_t> processes);
// Kills the program's process group (0: none) and `others`, unless it is killed itself
// for `time`, which is of kGuardStep at least.
std::vector<std::string> GuardCommand(int64_t program, std::vector<int64_t> others, absl::Duration time);
constexpr absl::Duration kGuardStep = absl::Seconds(5);  // it stays for so long when it was killed
// Hangs up: the kernel sends the session SIGHUP. What stays of it is killed
// kHangUpSeconds later, when this ends.
std::vector<std::string> HangUpCommand(int64_t terminal, const TerminalSession& session);
constexpr int kHangUpSeconds = 5;

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_COMMAND_H_
