#include "clients/cli/file_calls.h"

#include <utility>

namespace sluice::cli {
namespace {

// A call that a signal cancels.
class Call {
 public:
  explicit Call(SignalWatch& signals) : signals_(signals) {
    signals_.OnSignal([this] { context_.TryCancel(); });
  }
  // Of one answer, that comes soon.
  Call(SignalWatch& signals, absl::Duration timeout) : Call(signals) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  }
  ~Call() { signals_.OnSignal(nullptr); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext& context() { return context_; }

 private:
  SignalWatch& signals_;
  grpc::ClientContext context_;
};

}  // namespace

grpc::Status FileCalls::Stat(const std::string& path, v1::FileInfo& file) {
  Call call(signals_, kCallTimeout);
  v1::StatFileRequest request;
  request.set_sandbox_id(sandbox_);
  request.set_path(path);
  v1::StatFileResponse response;
  const grpc::Status status = client_.guests().StatFile(&call.context(), request, &response);
  file = std::move(*response.mutable_file());
  return status;
}

grpc::Status FileCalls::List(const std::string& path, std::vector<v1::FileInfo>& files) {
  Call call(signals_, kCallTimeout);
  v1::ListDirectoryRequest request;
  request.set_sandbox_id(sandbox_);
  request.set_path(path);
  v1::ListDirectoryResponse response;
  const grpc::Status status = client_.guests().ListDirectory(&call.context(), request, &response);
  files.assign(response.entries().begin(), response.entries().end());
  return status;
}

grpc::Status FileCalls::MakeDirectory(const std::string& path, uint32_t mode) {
  Call call(signals_, kCallTimeout);
  v1::MakeDirectoryRequest request;
  request.set_sandbox_id(sandbox_);
  request.set_path(path);
  request.set_parents(true);
  request.set_mode(mode);
  v1::MakeDirectoryResponse response;
  return client_.guests().MakeDirectory(&call.context(), request, &response);
}

CopyStatus FileCalls::Read(const std::string& path, const Sink& sink) {
  Call call(signals_);
  v1::ReadFileRequest request;
  request.set_sandbox_id(sandbox_);
  request.set_path(path);
  const auto stream = client_.guests().ReadFile(&call.context(), request);
  CopyStatus status;
  v1::ReadFileResponse response;
  while (status.local.ok() && stream->Read(&response)) status.local = sink(response.data());
  if (!status.local.ok()) call.context().TryCancel();
  status.remote = stream->Finish();
  return status;
}

CopyStatus FileCalls::Write(const std::string& path, uint32_t mode, const Source& source) {
  Call call(signals_);
  v1::WriteFileResponse response;
  const auto stream = client_.guests().WriteFile(&call.context(), &response);
  v1::WriteFileRequest request;
  request.mutable_open()->set_sandbox_id(sandbox_);
  request.mutable_open()->set_path(path);
  request.mutable_open()->set_mode(mode);
  CopyStatus status;
  // Where a write fails the server has ended the call, and Finish says why.
  while (stream->Write(request)) {
    absl::StatusOr<std::string> data = source();
    status.local = data.status();
    if (!data.ok() || data->empty()) break;
    request.set_data(*std::move(data));
  }
  if (!status.local.ok()) call.context().TryCancel();
  stream->WritesDone();
  status.remote = stream->Finish();
  return status;
}

}  // namespace sluice::cli
