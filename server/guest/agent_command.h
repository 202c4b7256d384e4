#ifndef SLUICE_SERVER_GUEST_AGENT_COMMAND_H_
#define SLUICE_SERVER_GUEST_AGENT_COMMAND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/guest/agent_tools.h"
#include "server/guest/guest_process.h"
#include "server/guest/terminal_size.h"

namespace sluice {

// Command lines for a virtual machine's agent. What a caller chose is an argument
// of its own in each, and never a part of a script's text.

// Args and env that run the program in its directory, as its user, in its environment;
// `tools`: as FindTools() says of the same options.
ExecOptions AgentCommand(const ExecOptions& options, const AgentTools& tools);

// A terminal in the guest is a process, of StartWithPipe(): what is typed goes into
// its pipe. What it shows goes into that of another, the holder, which keeps the pipe
// until all was read.

// Does nothing, for 68 years.
std::vector<std::string> HolderCommand();
// The terminal, in which `command` (of AgentCommand, which has no env for the agent)
// runs; in its pipe and the holder's. The first line that it shows is that of
// TerminalSession. It exits as the program does, with 128 + N where signal N ended that.
std::vector<std::string> TerminalCommand(int64_t holder, TerminalSize size, const AgentTools& tools,
                                         const std::vector<std::string>& command);
// Prints what is shown next, when something is, kShownAtOnce bytes at most; nothing
// where the terminal has ended.
std::vector<std::string> ShowCommand(int64_t holder);
constexpr size_t kShownAtOnce = 64 << 10;  // all that a pipe holds (pipe(7))
// Types its input; it ends when the terminal has taken it.
std::vector<std::string> TypeCommand(int64_t terminal);

// Of the program at a terminal.
struct TerminalSession {
  int64_t pid = 0;  // its own, its process group's and its session's
  std::string tty;  // a path

  // "PID PATH"; false for anything else.
  static bool Parse(const std::string& line, TerminalSession& session);
};

std::vector<std::string> ResizeCommand(const TerminalSession& session, TerminalSize size);
// To its process group.
std::vector<std::string> SignalCommand(const TerminalSession& session, int signal);
// Hangs up: the kernel sends the session SIGHUP. What stays of it is killed
// kHangUpSeconds later, when this ends.
std::vector<std::string> HangUpCommand(int64_t holder, int64_t terminal, const TerminalSession& session);
constexpr int kHangUpSeconds = 5;

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_COMMAND_H_
