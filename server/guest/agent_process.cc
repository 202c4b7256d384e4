#include "server/guest/agent_process.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/guest/agent_script.h"

namespace sluice {
namespace {

// How often the agent is asked for what was printed and typed: less and less while
// nothing is.
constexpr absl::Duration kFirstWait = absl::Milliseconds(2);
constexpr absl::Duration kLongestWait = absl::Milliseconds(100);
constexpr int kUnknownExit = 255;

}  // namespace

// Shared with the thread that speaks with the agent, which may block.
class AgentProcess::State : public std::enable_shared_from_this<State> {
 public:
  State(IoThread& io, AgentProgram program) : io_(io), program_(std::move(program)) {}

  void Run() {
    absl::Status status;
    while (status.ok() && !is_over_) status = Step(Await());
    if (!status.ok()) Finish(absl::StrCat(GuestWords(status.message()), "\n"), {.code = kUnknownExit});
    program_.Stop();
  }

  void Next(std::function<void(ProcessEvent)> callback) {
    const MutexLock lock(mutex_);
    next_ = std::move(callback);
    Deliver();
  }

  void Type(std::string data, std::function<void()> callback) {
    const MutexLock lock(mutex_);
    if (exit_ || data.empty()) return Post(std::move(callback));
    typed_ += data;
    taken_ = std::move(callback);
    Notify();
  }

  void TypeEnd() {
    const MutexLock lock(mutex_);
    typed_all_ = true;
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

 private:
  // What is to be done.
  struct Wanted {
    bool stop = false;
    std::set<int> signals;
    std::optional<TerminalSize> size;
    std::string input;
    bool input_ends = false;
    std::set<ProcessEvent::Kind> output;
  };

  Wanted Await() {
    const MutexLock lock(mutex_);
    if (!news_) changed_.WaitFor(mutex_, wait_);
    wait_ = std::exchange(news_, false) ? kFirstWait : std::min(wait_ * 2, kLongestWait);
    Wanted wanted = {.stop = abandoned_,
                     .signals = std::exchange(signals_, {}),
                     .size = std::exchange(size_, std::nullopt),
                     .input = "",
                     .input_ends = false,
                     .output = {}};
    if (next_) wanted.output = {ProcessEvent::Kind::kStdout, ProcessEvent::Kind::kStderr};
    for (const ProcessEvent& piece : pieces_) wanted.output.erase(piece.kind);
    if (program_.typing()) return wanted;
    wanted.input = typed_.substr(0, AgentProgram::kMaxTyped);
    typed_.erase(0, wanted.input.size());
    wanted.input_ends = wanted.input.empty() && std::exchange(typed_all_, false);
    return wanted;
  }

  absl::Status Step(const Wanted& wanted) {
    is_over_ = wanted.stop;
    if (is_over_) return absl::OkStatus();
    absl::Status status = program_.Attend();
    for (const int signal : wanted.signals) program_.Signal(signal);
    if (wanted.size) program_.Resize(*wanted.size);
    if (status.ok()) status = program_.Type(wanted.input);
    if (status.ok() && wanted.input_ends) status = program_.EndInput();
    if (status.ok()) status = program_.AskExit();
    if (status.ok()) status = program_.Fetch([&](ProcessEvent::Kind kind) { return wanted.output.contains(kind); });
    if (status.ok()) status = AskTyping();
    if (status.ok()) status = AskOutput();
    return status;
  }

  absl::Status AskTyping() {
    if (!program_.typing()) return absl::OkStatus();
    if (absl::Status status = program_.AskTyping(); !status.ok() || program_.typing()) return status;
    wait_ = kFirstWait;
    const MutexLock lock(mutex_);
    if (taken_ && typed_.empty()) Post(std::exchange(taken_, nullptr));
    return absl::OkStatus();
  }

  absl::Status AskOutput() {
    absl::StatusOr<std::vector<ProcessEvent>> pieces = program_.Take();
    if (!pieces.ok()) return pieces.status();
    if (!pieces->empty()) Show(*std::move(pieces));
    if (const std::optional<ProcessExit> exit = program_.exit()) Finish("", *exit);
    return absl::OkStatus();
  }

  void Show(std::vector<ProcessEvent> pieces) {
    wait_ = kFirstWait;
    const MutexLock lock(mutex_);
    for (ProcessEvent& piece : pieces) pieces_.push_back(std::move(piece));
    Deliver();
  }

  // `words`: the server's own.
  void Finish(std::string words, ProcessExit exit) {
    is_over_ = true;
    const MutexLock lock(mutex_);
    if (!words.empty()) pieces_.push_back({.kind = ProcessEvent::Kind::kStderr, .data = std::move(words), .exit = {}});
    exit_ = exit;
    if (taken_) Post(std::exchange(taken_, nullptr));
    Deliver();
  }

  void Notify() REQUIRES(mutex_) {
    news_ = true;
    changed_.NotifyAll();
  }

  void Deliver() REQUIRES(mutex_) {
    if (!next_ || (pieces_.empty() && !exit_)) return Notify();
    Post([callback = std::exchange(next_, nullptr), event = NextEvent()] { callback(event); });
  }

  ProcessEvent NextEvent() REQUIRES(mutex_) {
    if (pieces_.empty()) return {.kind = ProcessEvent::Kind::kExit, .data = "", .exit = *exit_};
    ProcessEvent& piece = pieces_.front();
    ProcessEvent event = {.kind = piece.kind, .data = piece.data.substr(told_, kMaxChunk), .exit = {}};
    told_ += event.data.size();
    if (told_ < piece.data.size()) return event;
    pieces_.pop_front();
    told_ = 0;
    return event;
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
  // Of the thread that runs it.
  AgentProgram program_;
  bool is_over_ = false;
  absl::Duration wait_ = kFirstWait;

  Mutex mutex_;
  CondVar changed_;
  bool news_ GUARDED_BY(mutex_) = false;
  std::string typed_ GUARDED_BY(mutex_);  // and not on its way yet
  bool typed_all_ GUARDED_BY(mutex_) = false;
  std::function<void()> taken_ GUARDED_BY(mutex_);
  std::set<int> signals_ GUARDED_BY(mutex_);  // to be sent
  std::optional<TerminalSize> size_ GUARDED_BY(mutex_);
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::deque<ProcessEvent> pieces_ GUARDED_BY(mutex_);  // not told yet; one of each stream, and the server's words
  size_t told_ GUARDED_BY(mutex_) = 0;                  // bytes of the first
  std::optional<ProcessExit> exit_ GUARDED_BY(mutex_);
  std::function<void(ProcessEvent)> next_ GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<AgentProcess>> AgentProcess::Start(IoThread& io, AgentProgram::Options options,
                                                                  std::function<void()> on_end) {
  absl::StatusOr<AgentProgram> program = AgentProgram::Start(std::move(options));
  if (!program.ok()) return program.status();
  const pid_t pid = static_cast<pid_t>(program->pid());
  auto state = std::make_shared<State>(io, *std::move(program));
  std::thread([state, on_end = std::move(on_end)]() mutable {
    state->Run();
    state = nullptr;
    on_end();
  }).detach();
  return std::unique_ptr<AgentProcess>(new AgentProcess(std::move(state), pid));
}

AgentProcess::~AgentProcess() { state_->Abandon(); }

void AgentProcess::Next(std::function<void(ProcessEvent)> callback) { state_->Next(std::move(callback)); }

void AgentProcess::WriteStdin(std::string data, std::function<void()> callback) {
  state_->Type(std::move(data), std::move(callback));
}

void AgentProcess::CloseStdin() { state_->TypeEnd(); }

void AgentProcess::Signal(int signal) { state_->Signal(signal); }

void AgentProcess::Resize(TerminalSize size) { state_->Resize(size); }

}  // namespace sluice
