#include "server/access/method_table.h"

#include <algorithm>
#include <iterator>

namespace sluice {
namespace {

struct Method {
  absl::string_view path;
  Role least;
};

constexpr Method kMethods[] = {
    {"/sluice.v1.SandboxService/CreateSandbox", Role::kOperator},
    {"/sluice.v1.SandboxService/GetSandbox", Role::kAuditor},
    {"/sluice.v1.SandboxService/ListSandboxes", Role::kAuditor},
    {"/sluice.v1.SandboxService/UpdateSandbox", Role::kOperator},
    {"/sluice.v1.SandboxService/DeleteSandbox", Role::kOperator},
    {"/sluice.v1.SandboxService/WatchSandboxes", Role::kAuditor},
    {"/sluice.v1.SandboxService/PublishPort", Role::kOperator},
    {"/sluice.v1.SandboxService/UnpublishPort", Role::kOperator},
    {"/sluice.v1.SandboxService/SetNetworkPolicy", Role::kOperator},
    {"/sluice.v1.SandboxService/GetNetworkPolicy", Role::kAuditor},
    {"/sluice.v1.SandboxService/EvaluatePolicy", Role::kAuditor},
    {"/sluice.v1.SandboxService/GetNetworkStats", Role::kAuditor},
    {"/sluice.v1.GuestService/Exec", Role::kOperator},
    {"/sluice.v1.GuestService/ReadFile", Role::kOperator},
    {"/sluice.v1.GuestService/WriteFile", Role::kOperator},
    {"/sluice.v1.GuestService/StatFile", Role::kOperator},
    {"/sluice.v1.GuestService/ListDirectory", Role::kOperator},
    {"/sluice.v1.GuestService/MakeDirectory", Role::kOperator},
    {"/sluice.v1.GuestService/RemoveFile", Role::kOperator},
    {"/sluice.v1.AuditService/StreamAuditEvents", Role::kAuditor},
    // What guests say to others, not that they do.
    {"/sluice.v1.AuditService/CapturePackets", Role::kOperator},
    {"/grpc.health.v1.Health/Check", Role::kAuditor},
    {"/grpc.health.v1.Health/Watch", Role::kAuditor},
    // Clients ask for it first, and take gRPC's word that it is not there for the
    // older one.
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Role::kAuditor},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role::kAuditor},
};

}  // namespace

std::optional<Role> LeastRole(absl::string_view path) {
  const auto* found = std::find_if(std::begin(kMethods), std::end(kMethods),
                                   [&](const Method& method) { return method.path == path; });
  if (found == std::end(kMethods)) return std::nullopt;
  return found->least;
}

}  // namespace sluice
