#include "clients/cpp/exec.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "clients/cpp/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"

namespace sluice::client {
namespace {

using Stream = grpc::ClientReaderWriter<v1::ExecRequest, v1::ExecResponse>;

constexpr size_t kChunkBytes = 32 << 10;

v1::ExecRequest Start(const std::string& sandbox_id, const std::vector<std::string>& args,
                      const ExecOptions& options) {
  v1::ExecRequest request;
  v1::ExecStart& start = *request.mutable_start();
  start.set_sandbox_id(sandbox_id);
  start.mutable_args()->Assign(args.begin(), args.end());
  start.mutable_env()->insert(options.env.begin(), options.env.end());
  start.set_working_directory(options.working_directory);
  start.set_user(options.user);
  return request;
}

// Until the call takes no more.
void WriteInput(Stream& stream, absl::string_view input) {
  v1::ExecRequest request;
  for (; !input.empty(); input.remove_prefix(std::min(input.size(), kChunkBytes))) {
    request.set_stdin(std::string(input.substr(0, kChunkBytes)));
    if (!stream.Write(request)) return;
  }
  request.set_stdin_closed(true);
  stream.Write(request);
}

// Puts what a program says where it belongs.
class Collector {
 public:
  explicit Collector(const ExecOptions& options) : options_(options) {}

  // False where there is more than may be kept.
  bool Take(const v1::ExecResponse& response) {
    switch (response.item_case()) {
      case v1::ExecResponse::kStdout:
        return Take(response.stdout(), options_.on_stdout, result_.out);
      case v1::ExecResponse::kStderr:
        return Take(response.stderr(), options_.on_stderr, result_.err);
      case v1::ExecResponse::kExit:
        result_.code = response.exit().code();
        result_.signal = response.exit().signal();
        exited_ = true;
        return true;
      case v1::ExecResponse::kStarted:
      case v1::ExecResponse::ITEM_NOT_SET:
        return true;
    }
    return true;
  }

  absl::StatusOr<ExecResult> Finish(const grpc::Status& status) && {
    if (exited_) return std::move(result_);
    if (!status.ok()) return ToAbsl(status);
    return absl::InternalError("the call ended without the program's exit");
  }

 private:
  bool Take(const std::string& data, const ExecOptions::Output& callback, std::string& kept) {
    if (callback) {
      callback(data);
      return true;
    }
    kept += data;
    return result_.out.size() + result_.err.size() <= options_.max_output_bytes;
  }

  const ExecOptions& options_;
  ExecResult result_;
  bool exited_ = false;
};

}  // namespace

absl::StatusOr<ExecResult> Exec(v1::GuestService::Stub& guests, const std::string& sandbox_id,
                                const std::vector<std::string>& args, const ExecOptions& options) {
  grpc::ClientContext context;
  if (options.timeout != absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  }
  const std::unique_ptr<Stream> stream = guests.Exec(&context);
  if (!stream->Write(Start(sandbox_id, args, options))) return ToAbsl(stream->Finish());

  // On a thread of its own: a program that writes before it reads would
  // otherwise wait for us as we wait for it.
  std::thread writer([&] { WriteInput(*stream, options.input); });
  Collector collector(options);
  bool too_much = false;
  v1::ExecResponse response;
  while (stream->Read(&response)) {
    if (too_much || collector.Take(response)) continue;
    too_much = true;
    context.TryCancel();
  }
  writer.join();
  const grpc::Status status = stream->Finish();
  if (too_much) {
    return absl::ResourceExhaustedError("the program's output is more than max_output_bytes: take it with on_stdout");
  }
  return std::move(collector).Finish(status);
}

}  // namespace sluice::client
