#ifndef SLUICE_TESTS_E2E_USER_CLIENT_H_
#define SLUICE_TESTS_E2E_USER_CLIENT_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "netsvc/base/unique_fd.h"
#include "sluice/v1/audit_service.grpc.pb.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"
#include "tests/e2e/sandbox_client.h"

namespace sluice::e2e {

// Connections that are another user's: of the thread that makes them. Not valid
// where there is none.
UniqueFd ConnectUnixAs(uid_t uid, const std::string& path);
// To a port of 127.0.0.1 in the network namespace of process `pid`.
UniqueFd ConnectLoopbackAs(uid_t uid, pid_t pid, uint16_t port);

std::shared_ptr<grpc::Channel> ChannelOn(UniqueFd connection);

// Single calls of one user, on a connection of its own.
class UserClient {
 public:
  explicit UserClient(const std::shared_ptr<grpc::Channel>& channel)
      : sandboxes_(v1::SandboxService::NewStub(channel)), audit_(v1::AuditService::NewStub(channel)) {}

  v1::SandboxService::Stub& sandboxes() { return *sandboxes_; }

  absl::StatusOr<v1::Sandbox> Create(const v1::Sandbox& sandbox, const std::string& request_id = "") {
    v1::CreateSandboxRequest request;
    *request.mutable_sandbox() = sandbox;
    request.set_request_id(request_id);
    const auto response = Call<v1::CreateSandboxResponse>(&v1::SandboxService::Stub::CreateSandbox, request);
    return response.ok() ? absl::StatusOr<v1::Sandbox>(response->sandbox()) : response.status();
  }
  absl::Status Get(const std::string& id) {
    v1::GetSandboxRequest request;
    request.set_sandbox_id(id);
    return Call<v1::GetSandboxResponse>(&v1::SandboxService::Stub::GetSandbox, request).status();
  }
  absl::Status Delete(const std::string& id) {
    v1::DeleteSandboxRequest request;
    request.set_sandbox_id(id);
    return Call<v1::DeleteSandboxResponse>(&v1::SandboxService::Stub::DeleteSandbox, request).status();
  }
  absl::Status SetPolicy(const v1::SetNetworkPolicyRequest& request) {
    return Call<v1::SetNetworkPolicyResponse>(&v1::SandboxService::Stub::SetNetworkPolicy, request).status();
  }
  absl::Status Update(const v1::UpdateSandboxRequest& request) {
    return Call<v1::UpdateSandboxResponse>(&v1::SandboxService::Stub::UpdateSandbox, request).status();
  }
  absl::StatusOr<std::vector<std::string>> List(const v1::ListSandboxesRequest& request) {
    const auto response = Call<v1::ListSandboxesResponse>(&v1::SandboxService::Stub::ListSandboxes, request);
    if (!response.ok()) return response.status();
    std::vector<std::string> ids;
    for (const v1::Sandbox& sandbox : response->sandboxes()) ids.push_back(sandbox.id());
    return ids;
  }
  // Whose events the user is shown.
  absl::StatusOr<std::set<std::string>> Logged(const v1::StreamAuditEventsRequest& request) {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    const auto stream = audit_->StreamAuditEvents(&context, request);
    std::set<std::string> ids;
    v1::StreamAuditEventsResponse response;
    while (stream->Read(&response)) {
      if (response.has_event()) ids.insert(response.event().sandbox_id());
    }
    const grpc::Status status = stream->Finish();
    return status.ok() ? absl::StatusOr<std::set<std::string>>(ids) : ToAbsl(status);
  }

 private:
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(Method method, const Request& request) {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    Response response;
    const grpc::Status status = (sandboxes_.get()->*method)(&context, request, &response);
    return status.ok() ? absl::StatusOr<Response>(response) : ToAbsl(status);
  }

  const std::unique_ptr<v1::SandboxService::Stub> sandboxes_;
  const std::unique_ptr<v1::AuditService::Stub> audit_;
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_USER_CLIENT_H_
