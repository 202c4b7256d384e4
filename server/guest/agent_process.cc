#include "server/guest/agent_process.h"

#include <signal.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"

namespace sluice {
namespace {

// How often the agent is asked for a program's end: at once, then less and less.
constexpr absl::Duration kFirstWait = absl::Milliseconds(20);
constexpr absl::Duration kLongestWait = absl::Milliseconds(500);
// How soon a program that waits for input notices that its guest ends.
constexpr absl::Duration kInputCheck = absl::Milliseconds(200);
constexpr int kNoSuchProgram = 127;  // as in a shell
constexpr int kUnknownExit = 255;
constexpr char kTruncated[] = "sluice: the guest's agent kept only the beginning of this program's output\n";

}  // namespace

// Shared with the thread that speaks with the agent, which may block.
class AgentProcess::State : public std::enable_shared_from_this<State> {
 public:
  State(IoThread& io, std::shared_ptr<GuestAgent> agent, ExecOptions options)
      : io_(io), agent_(std::move(agent)), options_(std::move(options)) {}

  void Run() {
    if (!AwaitInput()) return;
    if (InputIsTooLong()) {
      return Fail(kUnknownExit, absl::ResourceExhaustedError(absl::StrCat(
                                    "the program was not started: a guest's agent takes ", kMaxInput, " bytes of input")));
    }
    const absl::StatusOr<int64_t> pid = agent_->Start(options_, TakeInput());
    if (!pid.ok()) {
      return Fail(absl::IsNotFound(pid.status()) ? kNoSuchProgram : kUnknownExit, pid.status());
    }
    absl::Duration wait = kFirstWait;
    while (true) {
      absl::StatusOr<GuestAgent::Outcome> outcome = agent_->Ask(*pid);
      if (!outcome.ok()) return Fail(kUnknownExit, outcome.status());
      if (outcome->exited && outcome->truncated) outcome->err += kTruncated;
      if (outcome->exited) return Finish(*std::move(outcome));
      const int signal = AwaitSignal(wait);
      if (signal != 0) Kill(*pid, signal);
      wait = std::min(wait * 2, kLongestWait);
    }
  }

  void Next(std::function<void(ProcessEvent)> callback) {
    const MutexLock lock(mutex_);
    next_ = std::move(callback);
    Deliver();
  }

  void WriteStdin(std::string data, std::function<void()> callback) {
    {
      const MutexLock lock(mutex_);
      // One byte past the limit tells of more.
      if (!input_complete_) input_.append(data, 0, kMaxInput + 1 - input_.size());
    }
    Post(std::move(callback));
  }

  void CloseStdin() {
    const MutexLock lock(mutex_);
    input_complete_ = true;
    changed_.NotifyAll();
  }

  void Signal(int signal) {
    const MutexLock lock(mutex_);
    signal_ = signal;
    changed_.NotifyAll();
  }

  void Abandon() {
    const MutexLock lock(mutex_);
    next_ = nullptr;
    abandoned_ = true;
    signal_ = SIGKILL;
    changed_.NotifyAll();
  }

 private:
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

  // False where it is abandoned, or killed, before it starts.
  bool AwaitInput() {
    const MutexLock lock(mutex_);
    while (!input_complete_ && signal_ == 0) {
      changed_.WaitFor(mutex_, kInputCheck);
      if (agent_->closed()) signal_ = SIGKILL;
    }
    if (signal_ != 0) SetOutcome({.exited = true, .exit = {.signal = signal_}, .out = "", .err = ""});
    return signal_ == 0;
  }

  bool InputIsTooLong() {
    const MutexLock lock(mutex_);
    return input_.size() > kMaxInput;
  }

  std::string TakeInput() {
    const MutexLock lock(mutex_);
    return std::exchange(input_, "");
  }

  int AwaitSignal(absl::Duration longest) {
    const MutexLock lock(mutex_);
    if (signal_ == 0) changed_.WaitFor(mutex_, longest);
    return std::exchange(signal_, 0);
  }

  // The agent sends no signals; the guest's own kill does.
  void Kill(int64_t pid, int signal) {
    agent_->Start({.args = {"kill", absl::StrCat("-", signal), absl::StrCat(pid)}}, "").IgnoreError();
  }

  void Fail(int code, const absl::Status& why) {
    Finish({.exited = true, .exit = {.code = code}, .out = "", .err = absl::StrCat(why.message(), "\n")});
  }

  void Finish(GuestAgent::Outcome outcome) {
    const MutexLock lock(mutex_);
    SetOutcome(std::move(outcome));
  }

  void SetOutcome(GuestAgent::Outcome outcome) REQUIRES(mutex_) {
    outcome_ = std::move(outcome);
    Deliver();
  }

  void Deliver() REQUIRES(mutex_) {
    if (!next_ || !outcome_.exited) return;
    Post([callback = std::exchange(next_, nullptr), event = NextEvent()] { callback(event); });
  }

  ProcessEvent NextEvent() REQUIRES(mutex_) {
    for (const auto& [data, kind, told] : {Output{outcome_.out, ProcessEvent::Kind::kStdout, out_told_},
                                             Output{outcome_.err, ProcessEvent::Kind::kStderr, err_told_}}) {
      if (told == data.size()) continue;
      std::string chunk = data.substr(told, kMaxChunk);
      told += chunk.size();
      return {.kind = kind, .data = std::move(chunk), .exit = {}};
    }
    return {.kind = ProcessEvent::Kind::kExit, .data = "", .exit = outcome_.exit};
  }

  struct Output {
    const std::string& data;
    ProcessEvent::Kind kind;
    size_t& told;
  };

  IoThread& io_;
  const std::shared_ptr<GuestAgent> agent_;
  const ExecOptions options_;
  Mutex mutex_;
  CondVar changed_;
  std::string input_ GUARDED_BY(mutex_);
  bool input_complete_ GUARDED_BY(mutex_) = false;
  int signal_ GUARDED_BY(mutex_) = 0;  // to be sent
  bool abandoned_ GUARDED_BY(mutex_) = false;
  GuestAgent::Outcome outcome_ GUARDED_BY(mutex_);
  size_t out_told_ GUARDED_BY(mutex_) = 0;
  size_t err_told_ GUARDED_BY(mutex_) = 0;
  std::function<void(ProcessEvent)> next_ GUARDED_BY(mutex_);
};

AgentProcess::AgentProcess(IoThread& io, std::shared_ptr<GuestAgent> agent, ExecOptions options,
                           std::function<void()> on_end)
    : state_(std::make_shared<State>(io, std::move(agent), std::move(options))) {
  std::thread([state = state_, on_end = std::move(on_end)]() mutable {
    state->Run();
    state = nullptr;
    on_end();
  }).detach();
}

AgentProcess::~AgentProcess() { state_->Abandon(); }

void AgentProcess::Next(std::function<void(ProcessEvent)> callback) { state_->Next(std::move(callback)); }

void AgentProcess::WriteStdin(std::string data, std::function<void()> callback) {
  state_->WriteStdin(std::move(data), std::move(callback));
}

void AgentProcess::CloseStdin() { state_->CloseStdin(); }

void AgentProcess::Signal(int signal) { state_->Signal(signal); }

}  // namespace sluice
