#include "clients/cli/testing/fake_server.h"

#include <utility>

#include "grpc/grpc.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace sluice::cli {
namespace {

constexpr int kBoundPort = 49152;  // what "any port" turns out to be

grpc::Status NoSandbox(const std::string& id) {
  return {grpc::StatusCode::NOT_FOUND, "there is no sandbox \"" + id + "\""};
}

class FakeSandboxService final : public v1::SandboxService::Service {
 public:
  explicit FakeSandboxService(FakeState& state) : state_(state) {}

  grpc::Status CreateSandbox(grpc::ServerContext*, const v1::CreateSandboxRequest* request,
                             v1::CreateSandboxResponse* response) override {
    if (state_.on_create) state_.on_create();
    const std::lock_guard lock(state_.mutex);
    state_.creates.push_back(*request);
    if (!state_.refusal.ok()) return state_.refusal;
    v1::Sandbox sandbox = request->sandbox();
    if (sandbox.id().empty()) sandbox.set_id("made-up");
    sandbox.set_state(v1::Sandbox::STATE_RUNNING);
    state_.sandboxes[sandbox.id()] = sandbox;
    *response->mutable_sandbox() = sandbox;
    return grpc::Status::OK;
  }

  grpc::Status GetSandbox(grpc::ServerContext*, const v1::GetSandboxRequest* request,
                          v1::GetSandboxResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    if (!state_.refusal.ok()) return state_.refusal;
    const auto found = state_.sandboxes.find(request->sandbox_id());
    if (found == state_.sandboxes.end()) return NoSandbox(request->sandbox_id());
    *response->mutable_sandbox() = found->second;
    return grpc::Status::OK;
  }

  // The token is the id at which the page begins.
  grpc::Status ListSandboxes(grpc::ServerContext*, const v1::ListSandboxesRequest* request,
                             v1::ListSandboxesResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    if (!state_.refusal.ok()) return state_.refusal;
    auto next = state_.sandboxes.lower_bound(request->page_token());
    for (; next != state_.sandboxes.end() && response->sandboxes_size() < state_.page_size; ++next) {
      *response->add_sandboxes() = next->second;
    }
    if (next != state_.sandboxes.end()) response->set_next_page_token(next->first);
    return grpc::Status::OK;
  }

  grpc::Status DeleteSandbox(grpc::ServerContext*, const v1::DeleteSandboxRequest* request,
                             v1::DeleteSandboxResponse*) override {
    const std::lock_guard lock(state_.mutex);
    state_.deletes.push_back(request->sandbox_id());
    return state_.sandboxes.erase(request->sandbox_id()) == 1 ? grpc::Status::OK
                                                              : NoSandbox(request->sandbox_id());
  }

  grpc::Status UpdateSandbox(grpc::ServerContext*, const v1::UpdateSandboxRequest* request,
                             v1::UpdateSandboxResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    state_.updates.push_back(*request);
    *response->mutable_sandbox() = request->sandbox();
    return state_.refusal;
  }

  grpc::Status PublishPort(grpc::ServerContext*, const v1::PublishPortRequest* request,
                           v1::PublishPortResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    state_.publishes.push_back(*request);
    if (!state_.refusal.ok()) return state_.refusal;
    *response->mutable_port() = request->port();
    if (request->port().host_port() == 0) response->mutable_port()->set_host_port(kBoundPort);
    return grpc::Status::OK;
  }

  grpc::Status UnpublishPort(grpc::ServerContext*, const v1::UnpublishPortRequest* request,
                             v1::UnpublishPortResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    state_.unpublishes.push_back(*request);
    response->set_flows_closed(2);
    return state_.refusal;
  }

  grpc::Status SetNetworkPolicy(grpc::ServerContext*, const v1::SetNetworkPolicyRequest* request,
                                v1::SetNetworkPolicyResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    state_.policies.push_back(*request);
    response->set_policy_generation(3);
    response->set_flows_closed(1);
    return state_.refusal;
  }

  grpc::Status GetNetworkPolicy(grpc::ServerContext*, const v1::GetNetworkPolicyRequest* request,
                                v1::GetNetworkPolicyResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    if (!state_.refusal.ok()) return state_.refusal;
    const auto found = state_.sandboxes.find(request->sandbox_id());
    if (found == state_.sandboxes.end()) return NoSandbox(request->sandbox_id());
    if (request->include_stats()) *response = state_.stats;
    *response->mutable_policy() = found->second.network().policy();
    response->set_policy_generation(3);
    return grpc::Status::OK;
  }

  grpc::Status EvaluatePolicy(grpc::ServerContext*, const v1::EvaluatePolicyRequest* request,
                              v1::EvaluatePolicyResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    state_.evaluations.push_back(*request);
    *response = state_.evaluation;
    return state_.refusal;
  }

 private:
  FakeState& state_;
};

class FakeGuestService final : public v1::GuestService::Service {
 public:
  explicit FakeGuestService(FakeState& state) : state_(state) {}

  grpc::Status Exec(grpc::ServerContext*,
                    grpc::ServerReaderWriter<v1::ExecResponse, v1::ExecRequest>* stream) override {
    v1::ExecRequest request;
    if (!stream->Read(&request)) return grpc::Status::CANCELLED;
    {
      const std::lock_guard lock(state_.mutex);
      state_.execs.push_back(request.start());
    }
    if (!state_.exec_status.ok()) return state_.exec_status;
    if (state_.exec_reads_input) ReadInput(*stream);
    for (const v1::ExecResponse& response : state_.exec_responses) stream->Write(response);
    while (state_.exec_waits && stream->Read(&request)) {
    }
    return grpc::Status::OK;
  }

  grpc::Status StatFile(grpc::ServerContext*, const v1::StatFileRequest* request,
                        v1::StatFileResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    const auto found = state_.files.find(request->path());
    if (found == state_.files.end()) return NoFile(request->path());
    *response->mutable_file() = found->second;
    return grpc::Status::OK;
  }

  grpc::Status ListDirectory(grpc::ServerContext*, const v1::ListDirectoryRequest* request,
                             v1::ListDirectoryResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    const auto found = state_.listings.find(request->path());
    if (found == state_.listings.end()) return NoFile(request->path());
    response->mutable_entries()->Assign(found->second.begin(), found->second.end());
    return grpc::Status::OK;
  }

  grpc::Status ReadFile(grpc::ServerContext* context, const v1::ReadFileRequest* request,
                        grpc::ServerWriter<v1::ReadFileResponse>* writer) override {
    v1::ReadFileResponse response;
    {
      const std::lock_guard lock(state_.mutex);
      const auto found = state_.contents.find(request->path());
      if (found == state_.contents.end()) return NoFile(request->path());
      response.set_data(found->second);
    }
    writer->Write(response);
    while (response.data() == kEndless && !context->IsCancelled() && writer->Write(response)) {
    }
    return grpc::Status::OK;
  }

  grpc::Status MakeDirectory(grpc::ServerContext*, const v1::MakeDirectoryRequest* request,
                             v1::MakeDirectoryResponse*) override {
    const std::lock_guard lock(state_.mutex);
    v1::FileInfo& file = state_.files[request->path()];
    file.set_type(v1::FileInfo::TYPE_DIRECTORY);
    file.set_mode(request->mode());
    return state_.refusal;
  }

  grpc::Status WriteFile(grpc::ServerContext* context, grpc::ServerReader<v1::WriteFileRequest>* reader,
                         v1::WriteFileResponse*) override {
    v1::WriteFileRequest request;
    reader->Read(&request);
    const v1::WriteFileOpen open = request.open();
    if (!state_.refusal.ok()) return state_.refusal;
    std::string content;
    while (reader->Read(&request)) content += request.data();
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    const std::lock_guard lock(state_.mutex);
    state_.contents[open.path()] = content;
    state_.files[open.path()].set_mode(open.mode());
    return grpc::Status::OK;
  }

 private:
  static constexpr char kEndless[] = "...";

  static grpc::Status NoFile(const std::string& path) { return {grpc::StatusCode::NOT_FOUND, "nothing at " + path}; }

  void ReadInput(grpc::ServerReaderWriter<v1::ExecResponse, v1::ExecRequest>& stream) {
    v1::ExecRequest request;
    while (stream.Read(&request) && !request.stdin_closed()) {
      const std::lock_guard lock(state_.mutex);
      state_.exec_input += request.stdin();
    }
    const std::lock_guard lock(state_.mutex);
    state_.exec_input_closed = request.stdin_closed();
  }

  FakeState& state_;
};

class FakeAuditService final : public v1::AuditService::Service {
 public:
  explicit FakeAuditService(FakeState& state) : state_(state) {}

  grpc::Status StreamAuditEvents(grpc::ServerContext*, const v1::StreamAuditEventsRequest* request,
                                 grpc::ServerWriter<v1::StreamAuditEventsResponse>* writer) override {
    const std::lock_guard lock(state_.mutex);
    state_.audits.push_back(*request);
    for (const v1::StreamAuditEventsResponse& response : state_.audit_responses) writer->Write(response);
    return state_.refusal;
  }

 private:
  FakeState& state_;
};

}  // namespace

FakeServer::FakeServer(const std::string& address) {
  // Held until the process ends: gRPC 1.51 may wait 10 s for one of its own
  // pollers when it shuts down, which would be between two tests.
  grpc_init();
  services_.push_back(std::make_unique<FakeSandboxService>(state_));
  services_.push_back(std::make_unique<FakeGuestService>(state_));
  services_.push_back(std::make_unique<FakeAuditService>(state_));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  for (const auto& service : services_) builder.RegisterService(service.get());
  server_ = builder.BuildAndStart();
}

FakeServer::~FakeServer() { server_->Shutdown(); }

}  // namespace sluice::cli
