#include "server/service/exec_reactor.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "server/service/status.h"

namespace sluice {
namespace {

constexpr int kMaxSignal = 64;  // Linux's SIGRTMAX
constexpr uint32_t kMaxTerminal = 65535;  // columns or rows: 16 bits of a winsize

// What is not said stays as it is in `size`.
absl::Status ReadTerminalSize(const v1::TerminalSize& message, TerminalSize& size) {
  if (message.columns() > kMaxTerminal) return FieldError("columns", absl::StrCat("must be at most ", kMaxTerminal));
  if (message.rows() > kMaxTerminal) return FieldError("rows", absl::StrCat("must be at most ", kMaxTerminal));
  if (message.columns() != 0) size.columns = static_cast<uint16_t>(message.columns());
  if (message.rows() != 0) size.rows = static_cast<uint16_t>(message.rows());
  return absl::OkStatus();
}

}  // namespace

ExecReactor* ExecReactor::Start(GuestLookup& lookup, absl::StatusOr<Caller> caller,
                                const GuestServiceImpl::RunBlocking& run_blocking) {
  std::shared_ptr<ExecReactor> reactor(new ExecReactor(lookup, std::move(caller), run_blocking));
  reactor->self_ = reactor;
  if (reactor->caller_.ok()) {
    reactor->StartRead(&reactor->request_);
  } else {
    reactor->End(reactor->caller_.status());
  }
  return reactor.get();
}

std::shared_ptr<GuestProcess> ExecReactor::process() {
  const MutexLock lock(mutex_);
  return process_;
}

void ExecReactor::OnReadDone(bool ok) {
  if (!started_) {
    started_ = true;
    if (ok) return OnStart();
    return End(absl::InvalidArgumentError("the first request must carry start"));
  }
  if (ok) return OnInput();
  // The caller sends no more.
  if (const std::shared_ptr<GuestProcess> running = process()) EndInput(*running);
}

void ExecReactor::EndInput(GuestProcess& running) {
  // Once: at a terminal, a second Ctrl-D is for whoever reads next.
  if (!std::exchange(input_ended_, true)) running.CloseStdin();
}

void ExecReactor::OnStart() {
  const v1::ExecStart& start = request_.start();
  if (!request_.has_start()) return End(FieldError("start", "the first request must carry it"));
  if (start.sandbox_id().empty()) return End(FieldError("start.sandbox_id", "is required"));
  if (start.args().empty()) return End(FieldError("start.args", "a program is required"));
  if (start.has_terminal()) {
    const absl::Status status = ReadTerminalSize(start.terminal(), terminal_.emplace());
    if (!status.ok()) return End(InField("start.terminal", status));
  }
  const bool taken = run_blocking_([self = shared_from_this()] { self->OnStarted(self->StartProcess()); });
  if (!taken) End(absl::ResourceExhaustedError("the server has too much to do"));
}

absl::StatusOr<std::shared_ptr<GuestProcess>> ExecReactor::StartProcess() const {
  const v1::ExecStart& start = request_.start();
  absl::StatusOr<std::shared_ptr<Guest>> guest = lookup_.Find(start.sandbox_id(), *caller_);
  if (!guest.ok()) return WithResource("sandbox", start.sandbox_id(), guest.status());
  ExecOptions options;
  options.args.assign(start.args().begin(), start.args().end());
  options.env.insert(start.env().begin(), start.env().end());
  options.working_directory = start.working_directory();
  options.user = start.user();
  options.terminal = terminal_;
  absl::StatusOr<std::unique_ptr<GuestProcess>> process = (*guest)->Exec(options);
  if (!process.ok()) return WithResource("program", start.args(0), InField("start", process.status()));
  return std::shared_ptr<GuestProcess>(*std::move(process));
}

void ExecReactor::OnStarted(absl::StatusOr<std::shared_ptr<GuestProcess>> process) {
  if (!process.ok()) return End(process.status());
  response_.mutable_started()->set_pid((*process)->pid());
  {
    const MutexLock lock(mutex_);
    if (ended_) return;  // cancelled meanwhile: the program dies with `process`
    process_ = *std::move(process);
  }
  StartRead(&request_);
  Write();
}

void ExecReactor::OnInput() {
  const std::shared_ptr<GuestProcess> running = process();
  if (running == nullptr) return;
  switch (request_.item_case()) {
    case v1::ExecRequest::kStdin:
      return running->WriteStdin(std::move(*request_.mutable_stdin()), [self = shared_from_this()] {
        const MutexLock lock(self->mutex_);
        if (!self->ended_) self->StartRead(&self->request_);
      });
    case v1::ExecRequest::kStdinClosed:
      EndInput(*running);
      break;
    case v1::ExecRequest::kStart:
      return End(FieldError("start", "must come once"));
    case v1::ExecRequest::kSignal:
      if (request_.signal() < 1 || request_.signal() > kMaxSignal) {
        return End(FieldError("signal", absl::StrCat("must be from 1 to ", kMaxSignal)));
      }
      running->Signal(request_.signal());
      break;
    case v1::ExecRequest::kResize:
      if (!terminal_) return End(absl::FailedPreconditionError("the program has no terminal"));
      if (const absl::Status status = ReadTerminalSize(request_.resize(), *terminal_); !status.ok()) {
        return End(InField("resize", status));
      }
      running->Resize(*terminal_);
      break;
    case v1::ExecRequest::ITEM_NOT_SET:
      break;
  }
  StartRead(&request_);
}

void ExecReactor::Write() {
  const MutexLock lock(mutex_);
  if (!ended_) StartWrite(&response_);
}

void ExecReactor::OnWriteDone(bool ok) {
  if (!ok) return End(absl::CancelledError("the caller is gone"));
  if (response_.has_exit()) return End(absl::OkStatus());
  const std::shared_ptr<GuestProcess> running = process();
  if (running == nullptr) return;
  running->Next([self = shared_from_this()](ProcessEvent event) { self->OnEvent(std::move(event)); });
}

void ExecReactor::OnEvent(ProcessEvent event) {
  response_.Clear();
  switch (event.kind) {
    case ProcessEvent::Kind::kStdout:
      response_.set_stdout(std::move(event.data));
      break;
    case ProcessEvent::Kind::kStderr:
      response_.set_stderr(std::move(event.data));
      break;
    case ProcessEvent::Kind::kExit:
      response_.mutable_exit()->set_code(event.exit.code);
      response_.mutable_exit()->set_signal(event.exit.signal);
      break;
  }
  Write();
}

void ExecReactor::End(const absl::Status& status) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  Finish(ToGrpc(status));
}

void ExecReactor::OnCancel() { End(absl::CancelledError("the caller is gone")); }

void ExecReactor::OnDone() {
  std::shared_ptr<GuestProcess> last;  // killed, where it still runs, outside the lock
  {
    const MutexLock lock(mutex_);
    last = std::move(process_);
  }
  self_ = nullptr;
}

}  // namespace sluice
