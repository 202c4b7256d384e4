#ifndef SLUICE_SERVER_GUEST_GUEST_PROCESS_H_
#define SLUICE_SERVER_GUEST_GUEST_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/guest/process_exit.h"
#include "server/guest/terminal_size.h"

namespace sluice {

// A program to run in a guest.
struct ExecOptions {
  std::vector<std::string> args;                // the first is the program; not empty
  std::map<std::string, std::string> env = {};  // beside PATH, HOME, TERM and the guest's own
  std::string working_directory = {};           // empty: the guest's
  std::string user = {};                        // "uid[:gid]", or a virtual machine's by name; empty: the guest's
  // Set: it has a terminal of this size, and no stderr of its own.
  std::optional<TerminalSize> terminal = {};
};

// FieldError of "args", "env" or "working_directory" for what no program could be given.
absl::Status CheckExecOptions(const ExecOptions& options);

// What a process did.
struct ProcessEvent {
  enum class Kind { kStdout, kStderr, kExit };
  Kind kind = Kind::kExit;
  std::string data;  // kStdout and kStderr; never empty
  ProcessExit exit;  // kExit
};

// A program that Guest::Exec started. Owned by whoever asked for it; destroying
// it kills the program and its process group without waiting (one with a terminal
// is hung up first: SIGHUP, and a few seconds), and no callback starts afterwards,
// though one that has started may still be running.
//
// Any thread may call it. Callbacks run on the guests' own I/O thread: they do
// not block. Nothing is read of the program's output but one chunk for each
// Next(), so a slow reader slows the program and uses no memory here. The
// factory whose guest it runs in outlives it.
class GuestProcess {
 public:
  static constexpr size_t kMaxChunk = 32 * 1024;  // bytes of one ProcessEvent

  virtual ~GuestProcess() = default;

  // In the guest's own numbering.
  virtual pid_t pid() const = 0;

  // Calls back once with what comes next. One call at a time; none after kExit,
  // which is the last event. Output of children that outlive the program is not
  // waited for.
  virtual void Next(std::function<void(ProcessEvent)> callback) = 0;

  // Calls back once `data` is in the pipe, or the program no longer reads (then
  // the data is lost, as it is in a shell). At a terminal they are keys: the
  // byte 3 is Ctrl-C. One call at a time.
  virtual void WriteStdin(std::string data, std::function<void()> callback) = 0;
  // At a terminal: types what ends the input there, Ctrl-D.
  virtual void CloseStdin() = 0;

  // A signal (1 to 64) to the program's process group, as a terminal would send
  // it. Nothing once the program has ended.
  virtual void Signal(int signal) = 0;

  // Of its terminal; its foreground processes get a SIGWINCH. Nothing where it
  // has none.
  virtual void Resize(TerminalSize) {}
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_PROCESS_H_
