#include "server/guest/agent_terminal.h"

#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/mutex.h"
#include "server/guest/agent_command.h"
#include "server/guest/agent_script.h"
#include "server/guest/guest_files.h"

namespace sluice {
namespace {

// How often the agent is asked for what was shown and typed: less and less while
// nothing is.
constexpr absl::Duration kFirstWait = absl::Milliseconds(5);
constexpr absl::Duration kLongestWait = absl::Milliseconds(100);
constexpr absl::Duration kStepTimeout = absl::Seconds(10);  // a signal, a resize, an end
constexpr size_t kMaxWords = 200;                           // bytes of the guest's own in an error
constexpr int kUnknownExit = 255;
constexpr char kEndOfInput = '\4';  // Ctrl-D

bool EndsALine(char c) { return c == '\n' || c == '\r' || c == kEndOfInput; }

std::vector<std::string> Kill(int64_t holder, int64_t terminal) {
  return {"/bin/sh", "-c", "kill -9 \"$@\"", "sluice", absl::StrCat(holder), absl::StrCat(terminal)};
}

}  // namespace

// Shared with the thread that speaks with the agent, which may block.
class AgentTerminal::State : public std::enable_shared_from_this<State> {
 public:
  State(IoThread& io, Options options) : io_(io), options_(std::move(options)) {}

  // Before Run().
  absl::Status Open() {
    const absl::Status status = MakeTerminal();
    if (status.ok() || holder_ == 0) return status;
    RunToEnd(*options_.agent, {.args = Kill(holder_, terminal_)}, kStepTimeout).IgnoreError();
    return status;
  }

  void Run() {
    absl::Status status;
    while (status.ok() && !is_over_) status = Step(Await());
    if (!status.ok()) Finish(absl::StrCat(status.message(), "\n"), {.code = kUnknownExit});
  }

  void Next(std::function<void(ProcessEvent)> callback) {
    const MutexLock lock(mutex_);
    next_ = std::move(callback);
    Deliver();
  }

  void Type(std::string data, std::function<void()> callback) {
    const MutexLock lock(mutex_);
    if (exit_ || data.empty()) return Post(std::move(callback));
    line_is_open_ = !EndsALine(data.back());
    typed_ += data;
    taken_ = std::move(callback);
    Notify();
  }

  // A line that is open is ended by the first, which the program reads as its end only.
  void TypeEnd() {
    const MutexLock lock(mutex_);
    typed_.append(line_is_open_ ? 2 : 1, kEndOfInput);
    line_is_open_ = false;
    Notify();
  }

  void Signal(int signal) {
    const MutexLock lock(mutex_);
    signals_.insert(signal);
    Notify();
  }

  void Resize(TerminalSize size) {
    const MutexLock lock(mutex_);
    size_ = size;
    Notify();
  }

  void Abandon() {
    const MutexLock lock(mutex_);
    next_ = nullptr;
    taken_ = nullptr;
    abandoned_ = true;
    Notify();
  }

  const std::function<void()>& on_end() const { return options_.on_end; }
  pid_t pid() const { return static_cast<pid_t>(session_.pid); }

 private:
  // What is to be done.
  struct Wanted {
    bool hang_up = false;
    std::set<int> signals;
    std::optional<TerminalSize> size;
    std::string input;
    bool output = false;
  };

  absl::StatusOr<int64_t> Launch(std::vector<std::string> command, const std::string& input = "") {
    wait_ = kFirstWait;
    return options_.agent->Start({.args = std::move(command)}, input);
  }

  absl::Status MakeTerminal() {
    GuestAgent& agent = *options_.agent;
    const absl::Time deadline = absl::Now() + options_.timeout;
    const absl::StatusOr<int64_t> holder = agent.StartWithPipe({.args = HolderCommand()});
    if (!holder.ok()) return holder.status();
    holder_ = *holder;
    const std::vector<std::string> program = AgentCommand(options_.program, options_.tools).args;
    const absl::StatusOr<int64_t> terminal =
        agent.StartWithPipe({.args = TerminalCommand(holder_, *options_.program.terminal, options_.tools, program)});
    if (!terminal.ok()) return terminal.status();
    terminal_ = *terminal;
    std::string shown;
    while (shown.find('\n') == shown.npos) {
      const absl::StatusOr<GuestAgent::Outcome> outcome =
          RunToEnd(agent, {.args = ShowCommand(holder_)}, deadline - absl::Now());
      if (!outcome.ok()) return outcome.status();
      shown += outcome->out;
      if (outcome->out.empty() || shown.size() > kShownAtOnce) break;
    }
    return TakeSession(shown);
  }

  // From the first line that was shown.
  absl::Status TakeSession(const std::string& shown) {
    const size_t end = std::min(shown.find('\n'), shown.size() - 1);
    const std::string line(absl::StripAsciiWhitespace(shown.substr(0, end + 1)));
    if (!TerminalSession::Parse(line, session_)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the guest makes no terminal: ", FileNameToUtf8(line.substr(0, kMaxWords))));
    }
    const MutexLock lock(mutex_);
    shown_ = shown.substr(end + 1);
    return absl::OkStatus();
  }

  Wanted Await() {
    const MutexLock lock(mutex_);
    if (!news_) changed_.WaitFor(mutex_, wait_);
    wait_ = std::exchange(news_, false) ? kFirstWait : std::min(wait_ * 2, kLongestWait);
    Wanted wanted = {.hang_up = abandoned_,
                     .signals = std::exchange(signals_, {}),
                     .size = std::exchange(size_, std::nullopt),
                     .input = "",
                     .output = next_ != nullptr && shown_.empty()};
    if (typing_ == 0) wanted.input = std::exchange(typed_, "");
    return wanted;
  }

  absl::Status Step(const Wanted& wanted) {
    if (wanted.hang_up) return HangUp();
    if (options_.agent->closed()) return absl::FailedPreconditionError("the guest has ended");
    for (const int signal : wanted.signals) Do(SignalCommand(session_, signal));
    if (wanted.size) Do(ResizeCommand(session_, *wanted.size));
    if (!wanted.input.empty()) {
      const absl::StatusOr<int64_t> typing = Launch(TypeCommand(terminal_), wanted.input);
      if (!typing.ok()) return typing.status();
      typing_ = *typing;
    }
    if (wanted.output && showing_ == 0) {
      const absl::StatusOr<int64_t> showing = Launch(ShowCommand(holder_));
      if (!showing.ok()) return showing.status();
      showing_ = *showing;
    }
    if (absl::Status status = AskTyping(); !status.ok()) return status;
    return AskShowing();
  }

  // Whatever comes of it: the terminal may have ended meanwhile.
  void Do(std::vector<std::string> command) {
    RunToEnd(*options_.agent, {.args = std::move(command)}, kStepTimeout).IgnoreError();
  }

  absl::Status AskTyping() {
    if (typing_ == 0) return absl::OkStatus();
    const absl::StatusOr<GuestAgent::Outcome> outcome = options_.agent->Ask(typing_);
    if (!outcome.ok()) return outcome.status();
    if (!outcome->exited) return absl::OkStatus();
    typing_ = 0;
    wait_ = kFirstWait;
    const MutexLock lock(mutex_);
    if (taken_ && typed_.empty()) Post(std::exchange(taken_, nullptr));
    return absl::OkStatus();
  }

  absl::Status AskShowing() {
    if (showing_ == 0) return absl::OkStatus();
    absl::StatusOr<GuestAgent::Outcome> outcome = options_.agent->Ask(showing_);
    if (!outcome.ok()) return outcome.status();
    if (!outcome->exited) return absl::OkStatus();
    showing_ = 0;
    wait_ = kFirstWait;
    if (outcome->out.empty()) return End();
    if (outcome->out.size() > kShownAtOnce) {
      return absl::FailedPreconditionError("the guest's agent says more than it was asked for");
    }
    const MutexLock lock(mutex_);
    shown_ = std::move(outcome->out);
    Deliver();
    return absl::OkStatus();
  }

  // All was shown, and the terminal is gone.
  absl::Status End() {
    const ProcessExit exit = Reap(terminal_);
    Do(Kill(holder_, terminal_));
    for (const int64_t pid : {holder_, typing_}) Reap(pid);
    Finish("", exit);
    return absl::OkStatus();
  }

  absl::Status HangUp() {
    is_over_ = true;
    RunToEnd(*options_.agent, {.args = HangUpCommand(holder_, terminal_, session_)},
             absl::Seconds(kHangUpSeconds) + kStepTimeout)
        .IgnoreError();
    for (const int64_t pid : {terminal_, holder_, typing_, showing_}) Reap(pid);
    return absl::OkStatus();
  }

  // How a process that is about to end did; the agent forgets it.
  ProcessExit Reap(int64_t pid) {
    const absl::Time deadline = absl::Now() + kStepTimeout;
    while (pid != 0 && absl::Now() < deadline) {
      const absl::StatusOr<GuestAgent::Outcome> outcome = options_.agent->Ask(pid);
      if (!outcome.ok()) break;
      if (outcome->exited) return outcome->exit;
      absl::SleepFor(kFirstWait);
    }
    return {.code = kUnknownExit};
  }

  void Finish(std::string words, ProcessExit exit) {
    is_over_ = true;
    const MutexLock lock(mutex_);
    words_ = std::move(words);
    exit_ = exit;
    if (taken_) Post(std::exchange(taken_, nullptr));
    Deliver();
  }

  void Notify() REQUIRES(mutex_) {
    news_ = true;
    changed_.NotifyAll();
  }

  void Deliver() REQUIRES(mutex_) {
    if (!next_ || (shown_.empty() && !exit_)) return Notify();
    Post([callback = std::exchange(next_, nullptr), event = NextEvent()] { callback(event); });
  }

  ProcessEvent NextEvent() REQUIRES(mutex_) {
    if (!shown_.empty()) {
      std::string chunk = shown_.substr(0, kMaxChunk);
      shown_.erase(0, chunk.size());
      return {.kind = ProcessEvent::Kind::kStdout, .data = std::move(chunk), .exit = {}};
    }
    if (!words_.empty()) return {.kind = ProcessEvent::Kind::kStderr, .data = std::exchange(words_, ""), .exit = {}};
    return {.kind = ProcessEvent::Kind::kExit, .data = "", .exit = *exit_};
  }

  // Runs `callback` on the I/O thread, unless the process was abandoned before.
  void Post(std::function<void()> callback) {
    io_.Post([self = shared_from_this(), callback = std::move(callback)] {
      {
        const MutexLock lock(self->mutex_);
        if (self->abandoned_) return;
      }
      callback();
    });
  }

  IoThread& io_;
  const Options options_;
  // Of the thread that runs it. Processes of the guest; 0: none.
  int64_t holder_ = 0;
  int64_t terminal_ = 0;
  int64_t typing_ = 0;
  int64_t showing_ = 0;
  TerminalSession session_;  // as Open() left it
  bool is_over_ = false;
  absl::Duration wait_ = kFirstWait;

  Mutex mutex_;
  CondVar changed_;
  bool news_ GUARDED_BY(mutex_) = false;
  std::string typed_ GUARDED_BY(mutex_);  // and not on its way yet
  bool line_is_open_ GUARDED_BY(mutex_) = false;
  std::function<void()> taken_ GUARDED_BY(mutex_);
  std::set<int> signals_ GUARDED_BY(mutex_);  // to be sent
  std::optional<TerminalSize> size_ GUARDED_BY(mutex_);
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::string shown_ GUARDED_BY(mutex_);  // and not told yet
  std::string words_ GUARDED_BY(mutex_);  // the server's own, for the end
  std::optional<ProcessExit> exit_ GUARDED_BY(mutex_);
  std::function<void(ProcessEvent)> next_ GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<AgentTerminal>> AgentTerminal::Start(IoThread& io, Options options) {
  auto state = std::make_shared<State>(io, std::move(options));
  if (absl::Status status = state->Open(); !status.ok()) return status;
  std::thread([state]() mutable {
    state->Run();
    const std::function<void()> on_end = state->on_end();
    state = nullptr;
    on_end();
  }).detach();
  return std::unique_ptr<AgentTerminal>(new AgentTerminal(std::move(state)));
}

AgentTerminal::~AgentTerminal() { state_->Abandon(); }

pid_t AgentTerminal::pid() const { return state_->pid(); }

void AgentTerminal::Next(std::function<void(ProcessEvent)> callback) { state_->Next(std::move(callback)); }

void AgentTerminal::WriteStdin(std::string data, std::function<void()> callback) {
  state_->Type(std::move(data), std::move(callback));
}

void AgentTerminal::CloseStdin() { state_->TypeEnd(); }

void AgentTerminal::Signal(int signal) { state_->Signal(signal); }

void AgentTerminal::Resize(TerminalSize size) { state_->Resize(size); }

}  // namespace sluice
