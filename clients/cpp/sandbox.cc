#include "clients/cpp/sandbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cpp/call.h"

namespace sluice::client {
namespace {

using Stub = v1::SandboxService::Stub;

constexpr size_t kChunkBytes = 32 << 10;

void SetTimeout(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + Sandbox::kCallTimeout));
}

}  // namespace

absl::StatusOr<Sandbox> Sandbox::Open(const std::shared_ptr<grpc::Channel>& channel, const std::string& id) {
  Sandbox sandbox(channel);
  sandbox.id_ = id;
  const absl::StatusOr<v1::Sandbox> found = sandbox.Get();
  if (!found.ok()) return found.status();
  return sandbox;
}

Sandbox::Sandbox(const std::shared_ptr<grpc::Channel>& channel)
    : sandboxes_(v1::SandboxService::NewStub(channel)),
      guests_(v1::GuestService::NewStub(channel)),
      audit_(v1::AuditService::NewStub(channel)) {}

Sandbox::~Sandbox() {
  // One that was moved from has no stubs.
  if (owned_ && sandboxes_ != nullptr) Delete().IgnoreError();
}

Sandbox& Sandbox::operator=(Sandbox&& other) {
  Sandbox old(std::move(other));
  std::swap(sandboxes_, old.sandboxes_);
  std::swap(guests_, old.guests_);
  std::swap(audit_, old.audit_);
  std::swap(id_, old.id_);
  std::swap(owned_, old.owned_);
  return *this;
}

absl::StatusOr<v1::Sandbox> Sandbox::Get() const {
  v1::GetSandboxRequest request;
  request.set_sandbox_id(id_);
  absl::StatusOr<v1::GetSandboxResponse> response = Call(*sandboxes_, &Stub::GetSandbox, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_sandbox());
}

absl::StatusOr<ExecResult> Sandbox::Exec(const std::vector<std::string>& args, const ExecOptions& options) const {
  return client::Exec(*guests_, id_, args, options);
}

absl::StatusOr<std::string> Sandbox::ReadFile(const std::string& path, size_t max_bytes) const {
  v1::ReadFileRequest request;
  request.set_sandbox_id(id_);
  request.set_path(path);
  grpc::ClientContext context;
  SetTimeout(context);
  const auto reader = guests_->ReadFile(&context, request);
  std::string data;
  v1::ReadFileResponse response;
  while (reader->Read(&response)) {
    if (data.size() > max_bytes) continue;
    data += response.data();
    if (data.size() > max_bytes) context.TryCancel();
  }
  const grpc::Status status = reader->Finish();
  if (data.size() > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(path, " is larger than ", max_bytes, " bytes"));
  }
  if (!status.ok()) return ToAbsl(status);
  return data;
}

absl::Status Sandbox::WriteFile(const std::string& path, absl::string_view data, uint32_t mode) const {
  grpc::ClientContext context;
  SetTimeout(context);
  v1::WriteFileResponse response;
  const auto writer = guests_->WriteFile(&context, &response);
  v1::WriteFileRequest request;
  v1::WriteFileOpen& open = *request.mutable_open();
  open.set_sandbox_id(id_);
  open.set_path(path);
  open.set_mode(mode);
  bool taken = writer->Write(request);
  for (; taken && !data.empty(); data.remove_prefix(std::min(data.size(), kChunkBytes))) {
    request.set_data(std::string(data.substr(0, kChunkBytes)));
    taken = writer->Write(request);
  }
  writer->WritesDone();
  return ToAbsl(writer->Finish());
}

absl::StatusOr<uint64_t> Sandbox::SetNetworkPolicy(const Policy& policy) const {
  const absl::StatusOr<v1::NetworkPolicy> built = policy.Build();
  if (!built.ok()) return built.status();
  return SetNetworkPolicy(*built);
}

absl::StatusOr<uint64_t> Sandbox::SetNetworkPolicy(const v1::NetworkPolicy& policy) const {
  v1::SetNetworkPolicyRequest request;
  request.set_sandbox_id(id_);
  *request.mutable_policy() = policy;
  const auto response = Call(*sandboxes_, &Stub::SetNetworkPolicy, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return response->policy_generation();
}

absl::StatusOr<v1::PortMapping> Sandbox::PublishPort(uint32_t host_port, uint32_t guest_port,
                                                     v1::Protocol protocol) const {
  v1::PortMapping port;
  port.set_protocol(protocol);
  port.set_host_port(host_port);
  port.set_guest_port(guest_port);
  return PublishPort(port);
}

absl::StatusOr<v1::PortMapping> Sandbox::PublishPort(const v1::PortMapping& port) const {
  v1::PublishPortRequest request;
  request.set_sandbox_id(id_);
  *request.mutable_port() = port;
  const auto response = Call(*sandboxes_, &Stub::PublishPort, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return response->port();
}

absl::Status Sandbox::UnpublishPort(const v1::PortMapping& port) const {
  v1::UnpublishPortRequest request;
  request.set_sandbox_id(id_);
  *request.mutable_port() = port;
  return Call(*sandboxes_, &Stub::UnpublishPort, request, kCallTimeout).status();
}

AuditStream Sandbox::Audit(const AuditOptions& options) const { return AuditStream(*audit_, id_, options); }

absl::Status Sandbox::Delete() {
  v1::DeleteSandboxRequest request;
  request.set_sandbox_id(id_);
  const absl::Status status = Call(*sandboxes_, &Stub::DeleteSandbox, request, kCallTimeout).status();
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  owned_ = false;
  return absl::OkStatus();
}

std::string Sandbox::Detach() {
  owned_ = false;
  return id_;
}

}  // namespace sluice::client
