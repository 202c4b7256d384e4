#include "server/guest/agent_program.h"

#include <signal.h>

#include <algorithm>
#include <random>

#include <spdlog/spdlog.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/guest/agent_script.h"

namespace sluice {
namespace {

constexpr absl::Duration kStepTimeout = absl::Seconds(10);  // a signal, a resize, an end
// From the end of a terminal's pipe to the agent's knowing that it has ended.
constexpr absl::Duration kEndTimeout = absl::Seconds(1);
constexpr absl::Duration kReapInterval = absl::Milliseconds(5);
// How long after a program its output ends by itself, where no other holds it open.
constexpr absl::Duration kOthersAfter = absl::Milliseconds(50);
// Most programs have ended by then.
constexpr absl::Duration kUnguarded = absl::Seconds(1);
constexpr char kEndOfInput = '\4';  // Ctrl-D

bool EndsALine(char c) { return c == '\n' || c == '\r' || c == kEndOfInput; }

std::string RandomMark() {
  std::string mark;
  while (mark.size() < 32) absl::StrAppend(&mark, absl::Hex(std::random_device()(), absl::kZeroPad8));
  return mark;
}

}  // namespace

absl::StatusOr<AgentProgram> AgentProgram::Start(Options options) {
  AgentProgram program(std::move(options));
  const absl::Status status = program.has_terminal() ? program.StartTerminal() : program.StartPlain();
  program.guard_again_ = absl::Now() + kUnguarded;
  if (status.ok()) return program;
  program.Stop();
  // What a program takes is missing, for it has not been looked for yet.
  return absl::IsNotFound(status) ? absl::FailedPreconditionError(status.message()) : status;
}

absl::Status AgentProgram::CheckTime() const {
  if (absl::Now() < start_by_) return absl::OkStatus();
  return absl::DeadlineExceededError("the guest takes too long to start a program");
}

absl::Status AgentProgram::AddOutput(ProcessEvent::Kind kind) {
  if (absl::Status status = CheckTime(); !status.ok()) return status;
  absl::StatusOr<AgentOutput> output = AgentOutput::Open(options_.agent, kind);
  if (!output.ok()) return output.status();
  outputs_.push_back(*std::move(output));
  if (absl::Status status = CheckTime(); !status.ok()) return status;
  return outputs_.back().HoldOpen();
}

absl::Status AgentProgram::AddInput() {
  if (absl::Status status = CheckTime(); !status.ok()) return status;
  const absl::StatusOr<int64_t> input = agent().StartWithPipe({.args = HolderCommand()});
  if (!input.ok()) return input.status();
  input_ = *input;
  if (absl::Status status = CheckTime(); !status.ok()) return status;
  const absl::StatusOr<int64_t> writer = agent().OpenFile(PipePath(input_), "a");
  if (!writer.ok()) return writer.status();
  writer_ = *writer;
  return absl::OkStatus();
}

absl::Status AgentProgram::StartPlain() {
  absl::Status status = AddOutput(ProcessEvent::Kind::kStdout);
  if (status.ok()) status = AddOutput(ProcessEvent::Kind::kStderr);
  if (status.ok()) status = AddInput();
  if (status.ok()) status = CheckTime();
  if (!status.ok()) return status;
  std::vector<std::string> command = AgentCommand(options_.program, options_.tools);
  command = ProgramCommand(input_, outputs_.front().holder(), outputs_.back().holder(), command);
  const absl::StatusOr<int64_t> main = agent().Start({.args = std::move(command)}, "");
  if (!main.ok()) return main.status();
  main_ = session_.pid = *main;
  return absl::OkStatus();
}

absl::Status AgentProgram::StartTerminal() {
  if (absl::Status status = AddOutput(ProcessEvent::Kind::kStdout); !status.ok()) return status;
  if (absl::Status status = CheckTime(); !status.ok()) return status;
  const int64_t holder = outputs_.front().holder();
  const std::vector<std::string> program = AgentCommand(options_.program, options_.tools);
  const absl::StatusOr<int64_t> terminal =
      agent().StartWithPipe({.args = TerminalCommand(holder, *options_.program.terminal, options_.tools, program)});
  if (!terminal.ok()) return terminal.status();
  main_ = input_ = *terminal;
  return AwaitSession();
}

absl::Status AgentProgram::AwaitSession() {
  AgentOutput& output = outputs_.front();
  std::string shown;
  while (shown.find('\n') == shown.npos && shown.size() < kPipeSize && !output.ended()) {
    if (absl::Status status = CheckTime(); !status.ok()) return status;
    if (absl::Status status = AskExit(); !status.ok()) return status;
    if (absl::Status status = Fetch([](ProcessEvent::Kind) { return true; }); !status.ok()) return status;
    const absl::StatusOr<std::string> piece = output.Take();
    if (!piece.ok()) return piece.status();
    shown += *piece;
    if (piece->empty()) absl::SleepFor(kReapInterval);
  }
  return TakeSession(shown);
}

// From the first line that was shown.
absl::Status AgentProgram::TakeSession(const std::string& shown) {
  const size_t end = std::min(shown.find('\n'), shown.size() - 1);
  const std::string line(absl::StripAsciiWhitespace(shown.substr(0, end + 1)));
  if (!TerminalSession::Parse(line, session_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the guest makes no terminal", line.empty() ? "" : ": ", GuestWords(line)));
  }
  shown_ = shown.substr(end + 1);
  return absl::OkStatus();
}

absl::Status AgentProgram::Attend() {
  if (options_.agent->closed()) return absl::FailedPreconditionError("the guest has ended");
  if (absl::Now() >= guard_again_) Guard();
  return absl::OkStatus();
}

// A program runs on without one for a while: a guest that is slow or full may have
// another soon.
void AgentProgram::Guard() {
  const absl::Status status = Renew();
  guard_again_ = absl::Now() + (status.ok() ? options_.unattended / 3 : kGuardStep);
  if (!status.ok()) spdlog::warn("a program of a guest is not guarded anew: {}", std::string(status.message()));
}

absl::Status AgentProgram::Renew() {
  if (guards_.size() < 2) {
    // The numbers of what has ended may be others' by now.
    std::vector<int64_t> others = Helpers();
    if (!exit_) others.push_back(main_);
    const absl::StatusOr<int64_t> guard =
        agent().Start({.args = GuardCommand(exit_ ? 0 : pid(), others, options_.unattended)}, "");
    if (!guard.ok()) return guard.status();
    guards_.push_back(*guard);
  }
  if (guards_.size() < 2) return absl::OkStatus();
  const int64_t last = guards_.front();
  if (absl::Status status = Do(KillCommand({last}), kStepTimeout); !status.ok()) return status;
  guards_.erase(guards_.begin());
  Reap(last, absl::Now() + kStepTimeout);
  return absl::OkStatus();
}

absl::Status AgentProgram::Type(const std::string& input) {
  if (input.empty()) return absl::OkStatus();
  const absl::StatusOr<int64_t> typing = agent().Start({.args = TypeCommand(input_)}, input);
  if (!typing.ok()) return typing.status();
  typing_ = *typing;
  line_is_open_ = !EndsALine(input.back());
  return absl::OkStatus();
}

absl::Status AgentProgram::EndInput() {
  // A line that is open is ended by the first, which the program reads as its end only.
  if (has_terminal()) return Type(std::string(line_is_open_ ? 2 : 1, kEndOfInput));
  return writer_ ? agent().CloseFile(*std::exchange(writer_, std::nullopt)) : absl::OkStatus();
}

absl::Status AgentProgram::AskTyping() {
  if (typing_ == 0) return absl::OkStatus();
  const absl::StatusOr<GuestAgent::Outcome> outcome = agent().Ask(typing_);
  if (!outcome.ok()) return outcome.status();
  if (!outcome->exited) return absl::OkStatus();
  typing_ = 0;
  return outcome->exit.code == 0 && outcome->exit.signal == 0 ? absl::OkStatus() : CheckTyped(outcome->err);
}

// Nothing can be typed for a program that has ended, of which the agent may not know yet.
absl::Status AgentProgram::CheckTyped(const std::string& words) {
  const absl::Time deadline = absl::Now() + kEndTimeout;
  while (!exit_ && absl::Now() < deadline) {
    if (absl::Status status = AskExit(); !status.ok()) return status;
    absl::SleepFor(kReapInterval);
  }
  if (exit_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the guest does not write what its program is to read: ", GuestWords(words)));
}

absl::Status AgentProgram::Fetch(const std::function<bool(ProcessEvent::Kind)>& wanted) {
  for (AgentOutput& output : outputs_) {
    if (output.fetching() || output.ended() || !wanted(output.kind())) continue;
    if (absl::Status status = output.Fetch(exit_.has_value()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ProcessEvent>> AgentProgram::Take() {
  std::vector<ProcessEvent> pieces;
  if (!shown_.empty()) {
    pieces.push_back({.kind = outputs_.front().kind(), .data = std::exchange(shown_, ""), .exit = {}});
  }
  for (AgentOutput& output : outputs_) {
    absl::StatusOr<std::string> data = output.Take();
    if (!data.ok()) return data.status();
    if (!data->empty()) pieces.push_back({.kind = output.kind(), .data = *std::move(data), .exit = {}});
  }
  return pieces;
}

absl::Status AgentProgram::AskExit() {
  if (exit_) return EndOutput();
  const absl::StatusOr<GuestAgent::Outcome> outcome = agent().Ask(main_);
  if (!outcome.ok()) return outcome.status();
  if (!outcome->exited) return absl::OkStatus();
  exit_ = outcome->exit;
  exited_at_ = absl::Now();
  guard_again_ = exited_at_ + kUnguarded;
  for (AgentOutput& output : outputs_) {
    if (absl::Status status = output.Exited(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::optional<ProcessExit> AgentProgram::exit() const {
  for (const AgentOutput& output : outputs_) {
    if (!output.ended()) return std::nullopt;
  }
  return exit_;
}

// What has the program's output open beside it keeps that from ending: a mark follows
// the last that the program can have printed.
absl::Status AgentProgram::EndOutput() {
  if (marking_ != 0 || absl::Now() - exited_at_ < kOthersAfter) return absl::OkStatus();
  const std::string mark = RandomMark();
  std::vector<int64_t> holders;
  for (AgentOutput& output : outputs_) {
    if (output.ended()) continue;
    output.EndAt(mark);
    holders.push_back(output.holder());
  }
  const absl::StatusOr<int64_t> marking = agent().Start({.args = MarkCommand(mark, holders)}, "");
  if (!marking.ok()) return marking.status();
  marking_ = *marking;
  return absl::OkStatus();
}

void AgentProgram::Signal(int signal) {
  if (!exit_) Do(SignalCommand(pid(), signal), kStepTimeout).IgnoreError();
}

void AgentProgram::Resize(TerminalSize size) {
  if (has_terminal() && !exit_) Do(ResizeCommand(session_, size), kStepTimeout).IgnoreError();
}

absl::Status AgentProgram::Do(std::vector<std::string> command, absl::Duration timeout) {
  return RunToEnd(agent(), {.args = std::move(command)}, timeout).status();
}

std::vector<int64_t> AgentProgram::Helpers() const {
  std::vector<int64_t> helpers = {typing_, marking_};
  if (!has_terminal()) helpers.push_back(input_);
  for (const AgentOutput& output : outputs_) {
    for (const int64_t process : output.processes()) helpers.push_back(process);
  }
  return helpers;
}

void AgentProgram::Stop() {
  std::vector<int64_t> processes = Helpers();
  processes.insert(processes.end(), guards_.begin(), guards_.end());
  if (!exit_) {
    processes.push_back(main_);
    if (has_terminal() && pid() != 0) {
      Do(HangUpCommand(main_, session_), absl::Seconds(kHangUpSeconds) + kStepTimeout).IgnoreError();
    } else if (pid() != 0) {
      Signal(SIGKILL);
    }
  }
  const absl::Time deadline = absl::Now() + kStepTimeout;
  if (!Do(KillCommand(processes), kStepTimeout).ok()) return;
  if (writer_ && absl::Now() < deadline) agent().CloseFile(*writer_).IgnoreError();
  for (AgentOutput& output : outputs_) {
    if (absl::Now() < deadline) output.Exited().IgnoreError();
  }
  for (const int64_t process : processes) Reap(process, deadline);
}

// One that is about to end: the agent forgets it.
void AgentProgram::Reap(int64_t process, absl::Time deadline) {
  while (process != 0 && absl::Now() < deadline) {
    const absl::StatusOr<GuestAgent::Outcome> outcome = agent().Ask(process);
    if (!outcome.ok() || outcome->exited) return;
    absl::SleepFor(kReapInterval);
  }
}

}  // namespace sluice
