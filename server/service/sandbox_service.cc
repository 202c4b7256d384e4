#include "server/service/sandbox_service.h"

#include <functional>
#include <utility>

#include "server/service/status.h"
#include "server/service/visibility.h"
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

grpc::ServerUnaryReactor* End(grpc::ServerUnaryReactor* reactor, const absl::Status& status) {
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace

absl::Status SandboxServiceImpl::CheckSandbox(const grpc::CallbackServerContext& context,
                                              const std::string& sandbox_id) const {
  const absl::StatusOr<Caller> caller = callers_.OfCall(context);
  return caller.ok() ? CheckSeen(manager_, sandbox_id, *caller) : caller.status();
}

template <typename Request, typename Response, typename Method>
grpc::ServerUnaryReactor* SandboxServiceImpl::OnSandbox(grpc::CallbackServerContext& context, const Request& request,
                                                        Response* response, Method method) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  const absl::Status seen = CheckSandbox(context, request.sandbox_id());
  if (!seen.ok()) return End(reactor, seen);
  (manager_.*method)(request, Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::CreateSandbox(grpc::CallbackServerContext* context,
                                                            const v1::CreateSandboxRequest* request,
                                                            v1::CreateSandboxResponse* response) {
  auto* reactor = new CreateReactor;
  const absl::StatusOr<Caller> caller = callers_.OfCall(*context);
  if (!caller.ok()) return End(reactor, caller.status());
  absl::Status status = CheckCreatesOwn(*request, *caller);
  if (status.ok()) status = CheckGuestRules(request->sandbox().guest(), *caller, guest_rules_);
  if (!status.ok()) return End(reactor, status);
  manager_.Create(*request, caller->name, reactor->token(), Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::GetSandbox(grpc::CallbackServerContext* context,
                                                         const v1::GetSandboxRequest* request,
                                                         v1::GetSandboxResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status seen = CheckSandbox(*context, request->sandbox_id());
  if (!seen.ok()) return End(reactor, seen);
  const absl::StatusOr<SandboxSnapshotPtr> sandbox = manager_.Get(*request);
  if (sandbox.ok()) *response->mutable_sandbox() = (*sandbox)->full();
  return End(reactor, sandbox.status());
}

grpc::ServerUnaryReactor* SandboxServiceImpl::ListSandboxes(grpc::CallbackServerContext* context,
                                                            const v1::ListSandboxesRequest* request,
                                                            v1::ListSandboxesResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<Caller> caller = callers_.OfCall(*context);
  if (!caller.ok()) return End(reactor, caller.status());
  absl::StatusOr<SandboxManager::Page> page = manager_.List(*request, caller->scope);
  if (page.ok()) {
    for (const SandboxSnapshotPtr& sandbox : page->sandboxes) {
      *response->add_sandboxes() = sandbox->In(request->view(), v1::SANDBOX_VIEW_BASIC);
    }
    response->set_next_page_token(std::move(page->next_page_token));
  }
  return End(reactor, page.status());
}

grpc::ServerUnaryReactor* SandboxServiceImpl::UpdateSandbox(grpc::CallbackServerContext* context,
                                                            const v1::UpdateSandboxRequest* request,
                                                            v1::UpdateSandboxResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<Caller> caller = callers_.OfCall(*context);
  if (!caller.ok()) return End(reactor, caller.status());
  absl::Status status = CheckSeen(manager_, request->sandbox().id(), *caller);
  if (status.ok()) status = CheckKeepsOwn(*request, *caller);
  if (!status.ok()) return End(reactor, status);
  manager_.Update(*request, Finish(reactor, response));
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchSandboxesResponse>* SandboxServiceImpl::WatchSandboxes(
    grpc::CallbackServerContext* context, const v1::WatchSandboxesRequest* request) {
  return WatchReactor::Start(manager_, callers_.OfStream(*context), *request);
}

grpc::ServerUnaryReactor* SandboxServiceImpl::DeleteSandbox(grpc::CallbackServerContext* context,
                                                            const v1::DeleteSandboxRequest* request,
                                                            v1::DeleteSandboxResponse* response) {
  return OnSandbox(*context, *request, response, &SandboxManager::Delete);
}

grpc::ServerUnaryReactor* SandboxServiceImpl::PublishPort(grpc::CallbackServerContext* context,
                                                          const v1::PublishPortRequest* request,
                                                          v1::PublishPortResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<Caller> caller = callers_.OfCall(*context);
  if (!caller.ok()) return End(reactor, caller.status());
  const absl::Status seen = CheckSeen(manager_, request->sandbox_id(), *caller);
  if (!seen.ok()) return End(reactor, seen);
  manager_.PublishPort(*request, caller->name, Finish(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxServiceImpl::UnpublishPort(grpc::CallbackServerContext* context,
                                                            const v1::UnpublishPortRequest* request,
                                                            v1::UnpublishPortResponse* response) {
  return OnSandbox(*context, *request, response, &SandboxManager::UnpublishPort);
}

grpc::ServerUnaryReactor* SandboxServiceImpl::SetNetworkPolicy(grpc::CallbackServerContext* context,
                                                               const v1::SetNetworkPolicyRequest* request,
                                                               v1::SetNetworkPolicyResponse* response) {
  return OnSandbox(*context, *request, response, &SandboxManager::SetNetworkPolicy);
}

grpc::ServerUnaryReactor* SandboxServiceImpl::GetNetworkPolicy(grpc::CallbackServerContext* context,
                                                               const v1::GetNetworkPolicyRequest* request,
                                                               v1::GetNetworkPolicyResponse* response) {
  return OnSandbox(*context, *request, response, &SandboxManager::GetNetworkPolicy);
}

// Without a sandbox: of a policy alone, which CheckSeen lets through.
grpc::ServerUnaryReactor* SandboxServiceImpl::EvaluatePolicy(grpc::CallbackServerContext* context,
                                                             const v1::EvaluatePolicyRequest* request,
                                                             v1::EvaluatePolicyResponse* response) {
  return OnSandbox(*context, *request, response, &SandboxManager::EvaluatePolicy);
}

grpc::ServerUnaryReactor* SandboxServiceImpl::GetNetworkStats(grpc::CallbackServerContext* context,
                                                              const v1::GetNetworkStatsRequest* request,
                                                              v1::GetNetworkStatsResponse* response) {
  return OnSandbox(*context, *request, response, &SandboxManager::GetNetworkStats);
}

}  // namespace sluice
