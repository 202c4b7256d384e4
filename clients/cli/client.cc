#include "clients/cli/client.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output.h"
#include "clients/cli/progress.h"
#include "clients/cli/status_text.h"
#include "clients/cpp/channel.h"
#include "clients/cpp/port_syntax.h"

namespace sluice::cli {
absl::Status CheckServerAddress(absl::string_view server) {
  if (absl::StartsWith(server, "unix:")) {
    if (server.size() > 5) return absl::OkStatus();
    return absl::InvalidArgumentError("the path after \"unix:\" is missing");
  }
  const size_t colon = server.rfind(':');
  const std::optional<uint16_t> port =
      colon == server.npos ? std::nullopt : client::ParsePort(server.substr(colon + 1));
  if (port.value_or(0) > 0 && colon > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("\"", server, "\" is neither unix:PATH nor HOST:PORT"));
}

Client::Client(const Server& server)
    : server_(server.address),
      channel_(client::Connect(server.address, ForChannel(server.credentials))),
      sandboxes_(v1::SandboxService::NewStub(channel_)),
      audit_(v1::AuditService::NewStub(channel_)),
      guests_(v1::GuestService::NewStub(channel_)) {}

grpc::Status Client::CreateSandbox(const v1::CreateSandboxRequest& request, v1::CreateSandboxResponse* response) {
  const Progress progress("creating the sandbox");
  return Call(&v1::SandboxService::Stub::CreateSandbox, request, response, kSlowCallTimeout);
}

// A server that refuses with UNAVAILABLE leaves its connection up.
bool Client::Unreachable(const grpc::Status& status) const {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         channel_->GetState(false) != GRPC_CHANNEL_READY;
}

int Client::Fail(absl::string_view doing, const grpc::Status& status) const {
  if (Unreachable(status)) {
    PrintNotice(absl::StrCat("cannot reach the server at ", server_, ": ", ConnectionProblem(status),
                             ": is sluiced running? --server or SLUICE_SERVER says where"));
    return kUnreachable;
  }
  const absl::string_view hint = HintFor(status);
  PrintNotice(absl::StrCat(doing, ": ", StatusText(status), hint.empty() ? "" : ": ", hint));
  return kRefused;
}

}  // namespace sluice::cli
