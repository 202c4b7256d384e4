#include "tests/e2e/guest_exec.h"

#include "absl/strings/str_cat.h"

namespace sluice::e2e {
namespace {

constexpr int kSignalBase = 128;

v1::ExecStart MakeStart(const std::string& sandbox_id, const std::vector<std::string>& args) {
  v1::ExecStart start;
  start.set_sandbox_id(sandbox_id);
  start.mutable_args()->Assign(args.begin(), args.end());
  return start;
}

}  // namespace

GuestExec::GuestExec(SandboxClient& client, const v1::ExecStart& start, absl::Duration timeout) {
  SetTimeout(timeout, context_);
  stream_ = client.guests().Exec(&context_);
  v1::ExecRequest request;
  *request.mutable_start() = start;
  stream_->Write(request);
}

GuestExec::GuestExec(SandboxClient& client, const std::string& sandbox_id, const std::vector<std::string>& args,
                     absl::Duration timeout)
    : GuestExec(client, MakeStart(sandbox_id, args), timeout) {}

GuestExec::~GuestExec() {
  if (finished_) return;
  context_.TryCancel();
  while (ReadOne()) {
  }
  stream_->Finish();
}

void GuestExec::Write(const std::string& input) {
  v1::ExecRequest request;
  request.set_stdin(input);
  stream_->Write(request);
}

void GuestExec::CloseInput() {
  v1::ExecRequest request;
  request.set_stdin_closed(true);
  stream_->Write(request);
}

void GuestExec::Signal(int signal) {
  v1::ExecRequest request;
  request.set_signal(signal);
  stream_->Write(request);
}

void GuestExec::Resize(uint32_t columns, uint32_t rows) {
  v1::ExecRequest request;
  request.mutable_resize()->set_columns(columns);
  request.mutable_resize()->set_rows(rows);
  stream_->Write(request);
}

bool GuestExec::ReadOne() {
  v1::ExecResponse response;
  if (finished_ || !stream_->Read(&response)) return false;
  switch (response.item_case()) {
    case v1::ExecResponse::kStdout:
      result_.out += response.stdout();
      break;
    case v1::ExecResponse::kStderr:
      result_.err += response.stderr();
      break;
    case v1::ExecResponse::kExit:
      exited_ = true;
      result_.code = response.exit().signal() != 0 ? kSignalBase + response.exit().signal() : response.exit().code();
      break;
    case v1::ExecResponse::kStarted:
    case v1::ExecResponse::ITEM_NOT_SET:
      break;
  }
  return true;
}

absl::StatusOr<std::string> GuestExec::ReadLine() {
  while (true) {
    if (const size_t end = result_.out.find('\n'); end != std::string::npos) {
      std::string line = result_.out.substr(0, end);
      result_.out.erase(0, end + 1);
      return line;
    }
    if (ReadOne()) continue;
    const absl::StatusOr<ExecResult> result = Wait();
    if (!result.ok()) return result.status();
    return absl::OutOfRangeError(absl::StrCat("it ended with ", result->code, ": ", result->out, result->err));
  }
}

absl::StatusOr<ExecResult> GuestExec::Wait() {
  while (ReadOne()) {
  }
  if (!finished_) {
    finished_ = true;
    if (grpc::Status status = stream_->Finish(); !status.ok()) return ToAbsl(status);
  }
  if (!exited_) return absl::InternalError("the call ended without the program's exit");
  return result_;
}

absl::StatusOr<ExecResult> RunInGuest(SandboxClient& client, const std::string& sandbox_id,
                                      const std::vector<std::string>& args, absl::Duration timeout) {
  GuestExec exec(client, sandbox_id, args, timeout);
  exec.CloseInput();
  return exec.Wait();
}

}  // namespace sluice::e2e
