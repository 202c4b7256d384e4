#ifndef SLUICE_SERVER_SERVICE_SANDBOX_SERVICE_H_
#define SLUICE_SERVER_SERVICE_SANDBOX_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"
#include "server/access/callers.h"
#include "server/core/sandbox_manager.h"
#include "server/service/guest_rules.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"

namespace sluice {

// sluice.v1.SandboxService. Thin: each method is a call on the manager, which
// checks the request, once it stands that the sandbox is there for the caller.
class SandboxServiceImpl final : public v1::SandboxService::CallbackService {
 public:
  // `manager` and `callers` outlive the service.
  SandboxServiceImpl(SandboxManager& manager, const Callers& callers, GuestRules guest_rules)
      : manager_(manager), callers_(callers), guest_rules_(guest_rules) {}

  grpc::ServerUnaryReactor* CreateSandbox(grpc::CallbackServerContext* context,
                                          const v1::CreateSandboxRequest* request,
                                          v1::CreateSandboxResponse* response) override;
  grpc::ServerUnaryReactor* GetSandbox(grpc::CallbackServerContext* context, const v1::GetSandboxRequest* request,
                                       v1::GetSandboxResponse* response) override;
  grpc::ServerUnaryReactor* ListSandboxes(grpc::CallbackServerContext* context,
                                          const v1::ListSandboxesRequest* request,
                                          v1::ListSandboxesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateSandbox(grpc::CallbackServerContext* context,
                                          const v1::UpdateSandboxRequest* request,
                                          v1::UpdateSandboxResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSandbox(grpc::CallbackServerContext* context,
                                          const v1::DeleteSandboxRequest* request,
                                          v1::DeleteSandboxResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchSandboxesResponse>* WatchSandboxes(
      grpc::CallbackServerContext* context, const v1::WatchSandboxesRequest* request) override;
  grpc::ServerUnaryReactor* PublishPort(grpc::CallbackServerContext* context, const v1::PublishPortRequest* request,
                                        v1::PublishPortResponse* response) override;
  grpc::ServerUnaryReactor* UnpublishPort(grpc::CallbackServerContext* context,
                                          const v1::UnpublishPortRequest* request,
                                          v1::UnpublishPortResponse* response) override;
  grpc::ServerUnaryReactor* SetNetworkPolicy(grpc::CallbackServerContext* context,
                                             const v1::SetNetworkPolicyRequest* request,
                                             v1::SetNetworkPolicyResponse* response) override;
  grpc::ServerUnaryReactor* GetNetworkPolicy(grpc::CallbackServerContext* context,
                                             const v1::GetNetworkPolicyRequest* request,
                                             v1::GetNetworkPolicyResponse* response) override;
  grpc::ServerUnaryReactor* EvaluatePolicy(grpc::CallbackServerContext* context,
                                           const v1::EvaluatePolicyRequest* request,
                                           v1::EvaluatePolicyResponse* response) override;
  grpc::ServerUnaryReactor* GetNetworkStats(grpc::CallbackServerContext* context,
                                            const v1::GetNetworkStatsRequest* request,
                                            v1::GetNetworkStatsResponse* response) override;

 private:
  absl::Status CheckSandbox(const grpc::CallbackServerContext& context, const std::string& sandbox_id) const;
  // A call about the one sandbox that `request` names.
  template <typename Request, typename Response, typename Method>
  grpc::ServerUnaryReactor* OnSandbox(grpc::CallbackServerContext& context, const Request& request,
                                      Response* response, Method method);

  SandboxManager& manager_;
  const Callers& callers_;
  const GuestRules guest_rules_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_SANDBOX_SERVICE_H_
