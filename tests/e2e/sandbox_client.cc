#include "tests/e2e/sandbox_client.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/text_format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/grpc.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/error_details.h"

namespace sluice::e2e {
namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  // Held until the process ends: gRPC 1.51 may wait 10 s for one of its own
  // pollers when it shuts down.
  grpc_init();
  grpc::ChannelArguments arguments;
  // http_proxy is for the web, not for the way to our own server.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

template <typename Method, typename Request, typename Response>
absl::Status Call(v1::SandboxService::Stub& stub, Method method, const Request& request, Response& response) {
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  return ToAbsl((stub.*method)(&context, request, &response));
}

}  // namespace

void SetTimeout(absl::Duration timeout, grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::string BadField(const grpc::Status& status) {
  google::rpc::Status details;
  if (!grpc::ExtractErrorDetails(status, &details).ok()) return "";
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::BadRequest bad;
    if (detail.UnpackTo(&bad) && bad.field_violations_size() > 0) return bad.field_violations(0).field();
  }
  return "";
}

void ParseProto(absl::string_view text, google::protobuf::Message& message) {
  GOOGLE_CHECK(google::protobuf::TextFormat::ParseFromString(std::string(text), &message)) << std::string(text);
}

SandboxClient::SandboxClient(const std::string& address) : SandboxClient(Connect(address)) {}

SandboxClient::SandboxClient(const std::shared_ptr<grpc::Channel>& channel)
    : sandboxes_(v1::SandboxService::NewStub(channel)),
      audit_(v1::AuditService::NewStub(channel)),
      guests_(v1::GuestService::NewStub(channel)) {}

absl::StatusOr<v1::Sandbox> SandboxClient::Create(const v1::Sandbox& sandbox) {
  v1::CreateSandboxRequest request;
  *request.mutable_sandbox() = sandbox;
  v1::CreateSandboxResponse response;
  absl::Status status = Call(*sandboxes_, &v1::SandboxService::Stub::CreateSandbox, request, response);
  if (!status.ok()) return status;
  return response.sandbox();
}

absl::StatusOr<v1::Sandbox> SandboxClient::Get(const std::string& id) {
  v1::GetSandboxRequest request;
  request.set_sandbox_id(id);
  v1::GetSandboxResponse response;
  absl::Status status = Call(*sandboxes_, &v1::SandboxService::Stub::GetSandbox, request, response);
  if (!status.ok()) return status;
  return response.sandbox();
}

absl::Status SandboxClient::Delete(const std::string& id) {
  v1::DeleteSandboxRequest request;
  request.set_sandbox_id(id);
  v1::DeleteSandboxResponse response;
  return Call(*sandboxes_, &v1::SandboxService::Stub::DeleteSandbox, request, response);
}

absl::StatusOr<std::vector<std::string>> SandboxClient::List(const v1::ListSandboxesRequest& request) {
  std::vector<std::string> ids;
  v1::ListSandboxesRequest page = request;
  while (true) {
    v1::ListSandboxesResponse response;
    absl::Status status = Call(*sandboxes_, &v1::SandboxService::Stub::ListSandboxes, page, response);
    if (!status.ok()) return status;
    for (const v1::Sandbox& sandbox : response.sandboxes()) ids.push_back(sandbox.id());
    if (response.next_page_token().empty()) return ids;
    page.set_page_token(response.next_page_token());
  }
}

absl::StatusOr<v1::SetNetworkPolicyResponse> SandboxClient::SetPolicy(const v1::SetNetworkPolicyRequest& request) {
  v1::SetNetworkPolicyResponse response;
  absl::Status status = Call(*sandboxes_, &v1::SandboxService::Stub::SetNetworkPolicy, request, response);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::PortMapping> SandboxClient::Publish(const std::string& id, const v1::PortMapping& port) {
  v1::PublishPortRequest request;
  request.set_sandbox_id(id);
  *request.mutable_port() = port;
  v1::PublishPortResponse response;
  absl::Status status = Call(*sandboxes_, &v1::SandboxService::Stub::PublishPort, request, response);
  if (!status.ok()) return status;
  return response.port();
}

absl::StatusOr<uint64_t> SandboxClient::Unpublish(const std::string& id, const v1::PortMapping& port) {
  v1::UnpublishPortRequest request;
  request.set_sandbox_id(id);
  *request.mutable_port() = port;
  v1::UnpublishPortResponse response;
  absl::Status status = Call(*sandboxes_, &v1::SandboxService::Stub::UnpublishPort, request, response);
  if (!status.ok()) return status;
  return response.flows_closed();
}

absl::StatusOr<v1::Sandbox> SandboxClient::AwaitSandbox(const SandboxPredicate& wanted) {
  grpc::ClientContext context;
  SetTimeout(kEventTimeout, context);
  const auto stream = sandboxes_->WatchSandboxes(&context, {});
  v1::WatchSandboxesResponse response;
  while (stream->Read(&response)) {
    if (!response.has_sandbox() || !wanted(response.sandbox())) continue;
    context.TryCancel();
    return response.sandbox();
  }
  const absl::Status status = ToAbsl(stream->Finish());
  return status.ok() ? absl::OutOfRangeError("the watch ended") : status;
}

absl::StatusOr<std::vector<v1::AuditEvent>> SandboxClient::Events(const v1::StreamAuditEventsRequest& request) {
  grpc::ClientContext context;
  SetTimeout(kEventTimeout, context);
  const auto stream = audit_->StreamAuditEvents(&context, request);
  std::vector<v1::AuditEvent> events;
  v1::StreamAuditEventsResponse response;
  while (stream->Read(&response)) {
    if (response.has_event()) events.push_back(response.event());
  }
  if (grpc::Status status = stream->Finish(); !status.ok()) return ToAbsl(status);
  return events;
}

absl::StatusOr<std::vector<v1::AuditEvent>> SandboxClient::Events(const std::string& id) {
  v1::StreamAuditEventsRequest request;
  request.add_sandbox_ids(id);
  return Events(request);
}

absl::StatusOr<v1::AuditEvent> SandboxClient::AwaitEvent(const std::string& id, const EventPredicate& wanted) {
  v1::StreamAuditEventsRequest request;
  request.add_sandbox_ids(id);
  request.set_follow(true);
  grpc::ClientContext context;
  SetTimeout(kEventTimeout, context);
  const auto stream = audit_->StreamAuditEvents(&context, request);
  std::string others;
  v1::StreamAuditEventsResponse response;
  while (stream->Read(&response)) {
    if (!response.has_event()) continue;
    if (!wanted(response.event())) {
      absl::StrAppend(&others, "\n  ", response.event().ShortDebugString());
      continue;
    }
    context.TryCancel();
    return response.event();
  }
  const absl::Status status = ToAbsl(stream->Finish());
  return absl::Status(status.ok() ? absl::StatusCode::kOutOfRange : status.code(),
                      absl::StrCat(status.message(), "; events:", others));
}

}  // namespace sluice::e2e
