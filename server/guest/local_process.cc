#include "server/guest/local_process.h"

#include <signal.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "server/guest/input_stream.h"
#include "server/guest/output_stream.h"

namespace sluice {

// Everything here happens on the I/O thread, but for construction.
class LocalProcess::State {
 public:
  State(IoThread& io, Options options)
      : io_(io),
        host_pid_(options.host_pid),
        has_terminal_(options.has_terminal),
        stdin_(io.loop(), std::move(options.stdin_fd)),
        stdout_(std::move(options.stdout_fd), ProcessEvent::Kind::kStdout),
        stderr_(std::move(options.stderr_fd), ProcessEvent::Kind::kStderr),
        signal_(std::move(options.signal)),
        on_reaped_(std::move(options.on_reaped)) {}

  void Next(std::function<void(ProcessEvent)> callback) {
    next_ = std::move(callback);
    Deliver();
  }

  InputStream& input() { return stdin_; }

  void Signal(int signal) {
    if (exit_) return;
    if (signal_) return signal_(signal);
    // Not reaped, so its number is still its own, and its group's: crun's programs do
    // not lead theirs.
    if (const pid_t group = getpgid(host_pid_); group > 0) kill(-group, signal);
  }

  void OnExit(ProcessExit exit) {
    exit_ = exit;
    kill_timer_ = nullptr;
    stdout_.KeepWhatIsThere();
    stderr_.KeepWhatIsThere();
    on_reaped_();
    stdin_.Close();
    Deliver();
  }

  void Abandon() {
    next_ = nullptr;
    stdin_.Abandon();
    stdout_.Close();
    stderr_.Close();
    if (exit_) return;
    if (!has_terminal_) return Signal(SIGKILL);
    // With the last descriptor of its master the kernel hung the terminal up:
    // the session has its SIGHUP.
    kill_timer_ = io_.loop().RunAfter(kHangUpGrace, [this] { Signal(SIGKILL); });
  }

 private:
  // Takes turns, so that neither stream starves the other.
  std::optional<ProcessEvent> Read() {
    stderr_first_ = !stderr_first_;
    OutputStream& first = stderr_first_ ? stderr_ : stdout_;
    OutputStream& second = stderr_first_ ? stdout_ : stderr_;
    std::optional<ProcessEvent> event = first.Read();
    return event ? std::move(event) : second.Read();
  }

  void Deliver() {
    if (!next_) return;
    std::optional<ProcessEvent> event = Read();
    if (!event && exit_) event = ProcessEvent{.kind = ProcessEvent::Kind::kExit, .data = {}, .exit = *exit_};
    if (!event) {
      stdout_.Await(io_.loop(), [this] { Deliver(); });
      stderr_.Await(io_.loop(), [this] { Deliver(); });
      return;
    }
    stdout_.StopAwaiting();
    stderr_.StopAwaiting();
    std::exchange(next_, nullptr)(*std::move(event));
  }

  IoThread& io_;
  const pid_t host_pid_;
  const bool has_terminal_;
  InputStream stdin_;
  OutputStream stdout_;
  OutputStream stderr_;
  bool stderr_first_ = true;
  std::function<void(ProcessEvent)> next_;
  std::optional<ProcessExit> exit_;
  std::unique_ptr<EventLoop::Handle> kill_timer_;
  const std::function<void(int)> signal_;
  const std::function<void()> on_reaped_;
};

LocalProcess::LocalProcess(IoThread& io, Options options) : io_(io), guest_pid_(options.guest_pid) {
  UniqueFd pidfd = std::move(options.pidfd);
  state_ = std::make_shared<State>(io, std::move(options));
  io_.ReapOnExit(std::move(pidfd), [state = state_](ProcessExit exit) { state->OnExit(exit); });
}

LocalProcess::~LocalProcess() {
  // The last reference goes on the I/O thread.
  io_.Post([state = std::move(state_)] { state->Abandon(); });
}

void LocalProcess::Next(std::function<void(ProcessEvent)> callback) {
  io_.Post([state = state_, callback = std::move(callback)] { state->Next(callback); });
}

void LocalProcess::WriteStdin(std::string data, std::function<void()> callback) {
  io_.Post([state = state_, data = std::move(data), callback = std::move(callback)] {
    state->input().Write(data, callback);
  });
}

void LocalProcess::CloseStdin() {
  io_.Post([state = state_] { state->input().End(); });
}

void LocalProcess::Signal(int signal) {
  io_.Post([state = state_, signal] { state->Signal(signal); });
}

void LocalProcess::Resize(TerminalSize size) {
  io_.Post([state = state_, size] { state->input().Resize(size); });
}

}  // namespace sluice
