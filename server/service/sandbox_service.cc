#include "server/service/sandbox_service.h"

#include <functional>
#include <utility>

#include "server/service/status.h"
#include "server/service/watch_reactor.h"

namespace sluice {
namespace {

// Ends the call with what the manager says.
template <typename Response>
std::function<void(absl::StatusOr<Response>)> Finish(grpc::ServerUnaryReactor* reactor, Response* response) {
  return [reactor, response](absl::StatusOr<Response> result) {
    if (result.ok()) *response = *std::move(result);
    reactor->Finish(ToGrpc(result.status()));
  };
}

// A creation that is given up when its caller is gone.
class CreateReactor : public grpc::ServerUnaryReactor {
 public:
  const CancelToken& token() const { return token_; }

 private:
  void OnCancel() override { token_.Cancel(); }
  void OnDone() override { delete this; }

  CancelToken token_;
};

}  // namespace

grpc::ServerUnaryReactor* SandboxServiceImpl::CreateSandbox(grpc::CallbackServerContext*,
                                                            const v1::CreateSandboxRequest* request,
                                                            v1::CreateSandboxResponse* response) {
  auto* reactor = new CreateReactor;
  manager_.Create(*request, reactor->token(), Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::GetSandbox(grpc::CallbackServerContext* context,
                                                         const v1::GetSandboxRequest* request,
                                                         v1::GetSandboxResponse* response) {
  const absl::StatusOr<SandboxSnapshotPtr> sandbox = manager_.Get(*request);
  if (sandbox.ok()) *response->mutable_sandbox() = (*sandbox)->full();
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(sandbox.status()));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::ListSandboxes(grpc::CallbackServerContext* context,
                                                            const v1::ListSandboxesRequest* request,
                                                            v1::ListSandboxesResponse* response) {
  absl::StatusOr<SandboxManager::Page> page = manager_.List(*request);
  if (page.ok()) {
    for (const SandboxSnapshotPtr& sandbox : page->sandboxes) {
      *response->add_sandboxes() = sandbox->In(request->view(), v1::SANDBOX_VIEW_BASIC);
    }
    response->set_next_page_token(std::move(page->next_page_token));
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(page.status()));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::UpdateSandbox(grpc::CallbackServerContext* context,
                                                            const v1::UpdateSandboxRequest* request,
                                                            v1::UpdateSandboxResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  manager_.Update(*request, Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::DeleteSandbox(grpc::CallbackServerContext* context,
                                                            const v1::DeleteSandboxRequest* request,
                                                            v1::DeleteSandboxResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  manager_.Delete(*request, Finish(reactor, response));
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchSandboxesResponse>* SandboxServiceImpl::WatchSandboxes(
    grpc::CallbackServerContext*, const v1::WatchSandboxesRequest* request) {
  return WatchReactor::Start(manager_, *request);
}

grpc::ServerUnaryReactor* SandboxServiceImpl::PublishPort(grpc::CallbackServerContext* context,
                                                          const v1::PublishPortRequest* request,
                                                          v1::PublishPortResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  manager_.PublishPort(*request, Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::UnpublishPort(grpc::CallbackServerContext* context,
                                                            const v1::UnpublishPortRequest* request,
                                                            v1::UnpublishPortResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  manager_.UnpublishPort(*request, Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::SetNetworkPolicy(grpc::CallbackServerContext* context,
                                                               const v1::SetNetworkPolicyRequest* request,
                                                               v1::SetNetworkPolicyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  manager_.SetNetworkPolicy(*request, Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::GetNetworkPolicy(grpc::CallbackServerContext* context,
                                                               const v1::GetNetworkPolicyRequest* request,
                                                               v1::GetNetworkPolicyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  manager_.GetNetworkPolicy(*request, Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::EvaluatePolicy(grpc::CallbackServerContext* context,
                                                             const v1::EvaluatePolicyRequest* request,
                                                             v1::EvaluatePolicyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  manager_.EvaluatePolicy(*request, Finish(reactor, response));
  return reactor;
}

}  // namespace sluice
