#include "clients/cli/exec_session.h"

#include <signal.h>
#include <unistd.h>

#include <optional>

#include "absl/status/status.h"
#include "clients/cli/input_pump.h"
#include "clients/cli/raw_terminal.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

// Writes output where it belongs.
absl::Status Deliver(const v1::ExecResponse& response) {
  switch (response.item_case()) {
    case v1::ExecResponse::kStdout:
      return WriteAll(STDOUT_FILENO, response.stdout());
    case v1::ExecResponse::kStderr:
      return WriteAll(STDERR_FILENO, response.stderr());
    case v1::ExecResponse::kStarted:
    case v1::ExecResponse::kExit:
    case v1::ExecResponse::ITEM_NOT_SET:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Copies in both directions until the program ends, the call does, or our
// output takes no more.
void Converse(grpc::ClientContext& context, ExecStream& stream, const WindowWatch* window, ExecOutcome& outcome) {
  std::optional<RawTerminal> raw;
  const InputPump pump(STDIN_FILENO, window, stream);
  v1::ExecResponse response;
  while (!outcome.exit && stream.Read(&response)) {
    if (response.has_started() && window != nullptr) raw.emplace(STDIN_FILENO);
    if (response.has_exit()) outcome.exit = response.exit();
    if (Deliver(response).ok()) continue;
    outcome.cancelled_by = SIGPIPE;
    context.TryCancel();
  }
}

}  // namespace

ExecOutcome Exec(Client& client, const v1::ExecStart& start, SignalWatch& signals, const WindowWatch* window) {
  grpc::ClientContext context;
  ExecOutcome outcome;
  const auto stream = client.guests().Exec(&context);
  signals.OnSignal([&context] { context.TryCancel(); });
  v1::ExecRequest request;
  *request.mutable_start() = start;
  if (stream->Write(request)) Converse(context, *stream, window, outcome);
  stream->WritesDone();
  v1::ExecResponse rest;
  while (stream->Read(&rest)) {
  }
  outcome.status = stream->Finish();
  signals.OnSignal(nullptr);
  if (signals.caught() != 0) outcome.cancelled_by = signals.caught();
  return outcome;
}

}  // namespace sluice::cli
