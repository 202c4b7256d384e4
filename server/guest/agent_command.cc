#include "server/guest/agent_command.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace sluice {
namespace {

using Command = std::vector<std::string>;

constexpr char kForever[] = "2147483647";  // seconds

constexpr char kInDirectory[] = R"sh(cd -- "$0" && exec "$@")sh";
constexpr char kAsSu[] = R"sh(exec "$0" "$@")sh";

// Holder, KIND, its program, kInside, and what that takes. Both ends of the terminal's
// own pipe stay open in it, so that its input does not end. script(1) takes a text and
// no arguments: they go through its environment.
constexpr char kTerminal[] = R"sh(exec <>"/proc/$$/fd/0" >"/proc/$1/fd/0" 2>&1
kind=$2 program=$3 inside=$4 n=0
shift 4
for arg; do
  n=$((n + 1))
  export "SLUICE_ARG_$n=$arg"
done
export SLUICE_ARGS="$n" SHELL=/bin/sh
[ "$kind" != script ] || exec "$program" -q -e -c "$inside" /dev/null
exec "$program" -c 'import os, pty, sys
status = pty.spawn(["/bin/sh", "-c", sys.argv[1]])
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))' "$inside")sh";

// Rows, columns, the terminal's owner (or nothing), and the program.
constexpr char kInside[] = R"sh(n=0
while [ "$n" -lt "$SLUICE_ARGS" ]; do
  n=$((n + 1))
  eval "set -- \"\$@\" \"\$SLUICE_ARG_$n\""
  unset "SLUICE_ARG_$n"
done
unset SLUICE_ARGS SHELL
tty=$(tty) && stty echo rows "$1" cols "$2" || exit
[ -z "$3" ] || chown "$3" "$tty"
printf '%s %s\n' "$$" "$tty"
shift 3
exec "$@")sh";

constexpr char kProgram[] = R"sh(exec <"/proc/$1/fd/0" >"/proc/$2/fd/0" 2>"/proc/$3/fd/0"
shift 3
if command -v setsid >/dev/null; then exec setsid -- "$@"; fi
exec "$@")sh";

// Holder, block size, and how many blocks more. It fails where the first dd does. One
// that does not know "nonblock", as busybox's, says so and reads nothing.
constexpr char kFetch[] = R"sh(exec <"/proc/$1/fd/0"
[ "$3" -gt 0 ] || exec dd bs="$2" count=1
dd bs="$2" count=1 || exit
dd bs="$2" count="$3" iflag=nonblock 2>/dev/null
exit 0)sh";

constexpr char kType[] = R"sh(exec cat >"/proc/$1/fd/0")sh";

// A pipe that is full holds up no other.
constexpr char kMark[] = R"sh(mark=$1
shift
for holder; do
  printf %s "$mark" >"/proc/$holder/fd/0" &
done
wait)sh";

constexpr char kSignal[] = R"sh(kill -"$1" -"$2" 2>/dev/null || kill -"$1" "$2")sh";
constexpr char kKill[] = R"sh(kill -9 "$@")sh";

// Steps, their seconds, the program or 0, and others. The agent tells no end of one while
// another, such as the last sleep, has its output open.
constexpr char kGuard[] = R"sh(exec >/dev/null 2>&1
n=0
while [ "$n" -lt "$1" ]; do
  n=$((n + 1))
  sleep "$2"
done
[ "$3" = 0 ] || kill -9 -"$3" || kill -9 "$3"
shift 3
kill -9 "$@")sh";

// Terminal, session, seconds.
constexpr char kHangUp[] = R"sh(kill -9 "$1"
n=0
while [ "$n" -lt "$3" ] && kill -0 "$2" 2>/dev/null; do
  n=$((n + 1))
  sleep 1
done
kill -9 -"$2")sh";

Command Script(const char* text, Command args) {
  Command command = {"/bin/sh", "-c", text, "sluice"};
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

void Append(const Command& more, Command& command) { command.insert(command.end(), more.begin(), more.end()); }

Command Numbers(const std::vector<int64_t>& processes) {
  Command numbers;
  for (const int64_t process : processes) numbers.push_back(absl::StrCat(process));
  return numbers;
}

Command AsUser(const AgentTools& tools) {
  const std::string uid = absl::StrCat(tools.id.uid);
  const std::string gid = absl::StrCat(tools.id.gid);
  switch (tools.user) {
    case AgentTools::User::kAgent:
      return {};
    case AgentTools::User::kSetpriv:
      if (tools.groups.empty()) return {tools.user_program, "--reuid", uid, "--regid", gid, "--clear-groups", "--"};
      return {tools.user_program, "--reuid", uid, "--regid", gid, "--groups", tools.groups, "--"};
    case AgentTools::User::kChroot:
      return {tools.user_program, absl::StrCat("--userspec=", uid, ":", gid), absl::StrCat("--groups=", tools.groups),
              "--skip-chdir", "/"};
    case AgentTools::User::kSu:
      return {tools.user_program, "-s", "/bin/sh", "-c", kAsSu, "--", tools.name};
  }
  return {};
}

// env(1) sets the program's, so that it is no other's on the way to it.
Command InEnvironment(const ExecOptions& options, const AgentTools& tools) {
  std::map<std::string, std::string> env = options.env;
  if (options.terminal) env.emplace("TERM", "xterm");
  if (!options.user.empty()) env.emplace("HOME", tools.home);
  Command command = {"env", "--"};
  for (const auto& [name, value] : env) command.push_back(absl::StrCat(name, "=", value));
  // Which env would take for one more.
  if (absl::StrContains(options.args.front(), '=')) Append({"/bin/sh", "-c", kAsSu}, command);
  return command;
}

const char* KindOf(AgentTools::Terminal terminal) {
  return terminal == AgentTools::Terminal::kScript ? "script" : "python3";
}

}  // namespace

Command AgentCommand(const ExecOptions& options, const AgentTools& tools) {
  Command command;
  if (!options.working_directory.empty()) command = {"/bin/sh", "-c", kInDirectory, options.working_directory};
  Append(AsUser(tools), command);
  // A guest may lack env(1).
  const bool has_environment = !options.env.empty() || !options.user.empty() || options.terminal;
  if (has_environment) Append(InEnvironment(options, tools), command);
  Append(options.args, command);
  return command;
}

Command HolderCommand() { return {"sleep", kForever}; }

std::string PipePath(int64_t process) { return absl::StrCat("/proc/", process, "/fd/0"); }

Command ProgramCommand(int64_t in, int64_t out, int64_t err, const Command& command) {
  Command args = Numbers({in, out, err});
  Append(command, args);
  return Script(kProgram, std::move(args));
}

Command TerminalCommand(int64_t holder, TerminalSize size, const AgentTools& tools, const Command& command) {
  const std::string owner = tools.user == AgentTools::User::kAgent ? "" : absl::StrCat(tools.id.uid);
  Command args = {absl::StrCat(holder),    KindOf(tools.terminal), tools.terminal_program, kInside,
                  absl::StrCat(size.rows), absl::StrCat(size.columns), owner};
  Append(command, args);
  return Script(kTerminal, std::move(args));
}

Command FetchCommand(int64_t holder, bool more) {
  return Script(kFetch, {absl::StrCat(holder), absl::StrCat(kPipeSize), absl::StrCat(more ? kFetchedBlocks - 1 : 0)});
}

Command TypeCommand(int64_t process) { return Script(kType, {absl::StrCat(process)}); }

Command MarkCommand(const std::string& mark, const std::vector<int64_t>& holders) {
  Command args = {mark};
  Append(Numbers(holders), args);
  return Script(kMark, std::move(args));
}

bool TerminalSession::Parse(const std::string& line, TerminalSession& session) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
  // A pid_t, and no process that is not one of many: a signal to group 1 is for all.
  int32_t pid;
  if (!absl::SimpleAtoi(parts.first, &pid) || pid <= 1 || !absl::StartsWith(parts.second, "/dev/")) return false;
  session = {.pid = pid, .tty = std::string(parts.second)};
  return true;
}

Command ResizeCommand(const TerminalSession& session, TerminalSize size) {
  return {"stty", "-F", session.tty, "rows", absl::StrCat(size.rows), "cols", absl::StrCat(size.columns)};
}

Command SignalCommand(int64_t program, int signal) {
  return Script(kSignal, {absl::StrCat(signal), absl::StrCat(program)});
}

// None is 0, which is the group of the agent.
Command KillCommand(std::vector<int64_t> processes) {
  std::erase(processes, 0);
  return Script(kKill, Numbers(processes));
}

Command GuardCommand(int64_t program, std::vector<int64_t> others, absl::Duration time) {
  std::erase(others, 0);
  Command args = Numbers({time / kGuardStep, absl::ToInt64Seconds(kGuardStep), program});
  Append(Numbers(others), args);
  return Script(kGuard, std::move(args));
}

Command HangUpCommand(int64_t terminal, const TerminalSession& session) {
  return Script(kHangUp, {absl::StrCat(terminal), absl::StrCat(session.pid), absl::StrCat(kHangUpSeconds)});
}

}  // namespace sluice
