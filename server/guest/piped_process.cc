#include "server/guest/piped_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"

namespace sluice {
namespace {

void SetNonBlocking(const UniqueFd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

// A pipe that the program writes to.
class OutputPipe {
 public:
  OutputPipe(UniqueFd fd, ProcessEvent::Kind kind) : fd_(std::move(fd)), kind_(kind) { SetNonBlocking(fd_); }

  // What is there now; nothing where the pipe is empty or at its end.
  std::optional<ProcessEvent> Read() {
    if (!fd_.valid() || left_ == 0) return std::nullopt;
    std::string data(std::min(GuestProcess::kMaxChunk, left_), '\0');
    ssize_t n;
    while ((n = read(fd_.get(), data.data(), data.size())) < 0 && errno == EINTR) {
    }
    if (n < 0 && errno == EAGAIN) return std::nullopt;
    if (n <= 0) {
      Close();
      return std::nullopt;
    }
    data.resize(static_cast<size_t>(n));
    if (left_ != kUnlimited) left_ -= data.size();
    return ProcessEvent{.kind = kind_, .data = std::move(data), .exit = {}};
  }

  void Await(EventLoop& loop, std::function<void()> callback) {
    if (!fd_.valid() || watch_ != nullptr) return;
    watch_ = loop.Watch(fd_.get(), EPOLLIN, [callback = std::move(callback)](uint32_t) { callback(); });
  }
  void StopAwaiting() { watch_ = nullptr; }

  // The program has ended: what others write from now on is not its output.
  void KeepWhatIsThere() {
    int bytes = 0;
    if (fd_.valid() && ioctl(fd_.get(), FIONREAD, &bytes) == 0) left_ = static_cast<size_t>(bytes);
  }
  void Close() {
    watch_ = nullptr;
    fd_.reset();
  }

 private:
  static constexpr size_t kUnlimited = SIZE_MAX;

  UniqueFd fd_;
  const ProcessEvent::Kind kind_;
  size_t left_ = kUnlimited;  // to be read
  std::unique_ptr<EventLoop::Handle> watch_;
};

}  // namespace

// Everything here happens on the I/O thread, but for construction.
class PipedProcess::State {
 public:
  State(IoThread& io, Options options)
      : io_(io),
        host_pid_(options.host_pid),
        stdin_(std::move(options.stdin_fd)),
        stdout_(std::move(options.stdout_fd), ProcessEvent::Kind::kStdout),
        stderr_(std::move(options.stderr_fd), ProcessEvent::Kind::kStderr),
        on_reaped_(std::move(options.on_reaped)) {
    SetNonBlocking(stdin_);
  }

  void Next(std::function<void(ProcessEvent)> callback) {
    next_ = std::move(callback);
    Deliver();
  }

  void WriteStdin(std::string data, std::function<void()> callback) {
    input_ = std::move(data);
    unwritten_ = input_;
    input_taken_ = std::move(callback);
    Write();
  }

  void CloseStdin() {
    stdin_watch_ = nullptr;
    stdin_.reset();
    unwritten_ = {};
    if (input_taken_) std::exchange(input_taken_, nullptr)();
  }

  void Signal(int signal) {
    // Not reaped, so both numbers are still its own.
    if (!exit_) kill(-host_pid_, signal);
  }

  void OnExit(ProcessExit exit) {
    exit_ = exit;
    stdout_.KeepWhatIsThere();
    stderr_.KeepWhatIsThere();
    on_reaped_();
    CloseStdin();
    Deliver();
  }

  void Abandon() {
    next_ = nullptr;
    input_taken_ = nullptr;
    Signal(SIGKILL);
    CloseStdin();
    stdout_.Close();
    stderr_.Close();
  }

 private:
  // Takes turns, so that neither stream starves the other.
  std::optional<ProcessEvent> Read() {
    stderr_first_ = !stderr_first_;
    OutputPipe& first = stderr_first_ ? stderr_ : stdout_;
    OutputPipe& second = stderr_first_ ? stdout_ : stderr_;
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

  void Write() {
    while (stdin_.valid() && !unwritten_.empty()) {
      const ssize_t n = write(stdin_.get(), unwritten_.data(), unwritten_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) {
        if (!stdin_watch_) stdin_watch_ = io_.loop().Watch(stdin_.get(), EPOLLOUT, [this](uint32_t) { Write(); });
        return;
      }
      // Nobody reads any more.
      if (n < 0) return CloseStdin();
      unwritten_.remove_prefix(static_cast<size_t>(n));
    }
    stdin_watch_ = nullptr;
    if (input_taken_) std::exchange(input_taken_, nullptr)();
  }

  IoThread& io_;
  const pid_t host_pid_;
  UniqueFd stdin_;
  std::unique_ptr<EventLoop::Handle> stdin_watch_;
  std::string input_;
  absl::string_view unwritten_;  // of input_
  std::function<void()> input_taken_;
  OutputPipe stdout_;
  OutputPipe stderr_;
  bool stderr_first_ = true;
  std::function<void(ProcessEvent)> next_;
  std::optional<ProcessExit> exit_;
  const std::function<void()> on_reaped_;
};

PipedProcess::PipedProcess(IoThread& io, Options options) : io_(io), guest_pid_(options.guest_pid) {
  UniqueFd pidfd = std::move(options.pidfd);
  state_ = std::make_shared<State>(io, std::move(options));
  io_.ReapOnExit(std::move(pidfd), [state = state_](ProcessExit exit) { state->OnExit(exit); });
}

PipedProcess::~PipedProcess() {
  // The last reference goes on the I/O thread.
  io_.Post([state = std::move(state_)] { state->Abandon(); });
}

void PipedProcess::Next(std::function<void(ProcessEvent)> callback) {
  io_.Post([state = state_, callback = std::move(callback)] { state->Next(callback); });
}

void PipedProcess::WriteStdin(std::string data, std::function<void()> callback) {
  io_.Post([state = state_, data = std::move(data), callback = std::move(callback)] {
    state->WriteStdin(data, callback);
  });
}

void PipedProcess::CloseStdin() {
  io_.Post([state = state_] { state->CloseStdin(); });
}

void PipedProcess::Signal(int signal) {
  io_.Post([state = state_, signal] { state->Signal(signal); });
}

}  // namespace sluice
