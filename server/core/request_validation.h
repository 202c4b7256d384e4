#ifndef SLUICE_SERVER_CORE_REQUEST_VALIDATION_H_
#define SLUICE_SERVER_CORE_REQUEST_VALIDATION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sluice/internal/v1/worker.pb.h"
#include "sluice/v1/sandbox.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

// What is wrong with a request in itself, before anything is done about it:
// FieldError with the field's path as the API writes it
// ("sandbox.network.ports[1].guest_port"), or Unimplemented. Any thread; no I/O.

namespace sluice {

inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;

// The sandbox to be made: id (perhaps empty), labels, guest and network of the
// request, complete; nothing that the caller cannot set.
absl::StatusOr<v1::Sandbox> CheckCreate(const v1::CreateSandboxRequest& request);

absl::Status CheckGet(const v1::GetSandboxRequest& request);
absl::Status CheckList(const v1::ListSandboxesRequest& request);
absl::Status CheckDelete(const v1::DeleteSandboxRequest& request);
absl::Status CheckWatch(const v1::WatchSandboxesRequest& request);

// The port, complete.
absl::StatusOr<v1::PortMapping> CheckPublish(const v1::PublishPortRequest& request);
// What names the port: protocol, host_address, host_port.
absl::StatusOr<v1::PortMapping> CheckUnpublish(const v1::UnpublishPortRequest& request);

// The policy, complete.
absl::StatusOr<v1::NetworkPolicy> CheckSetPolicy(const v1::SetNetworkPolicyRequest& request);

absl::Status CheckGetPolicy(const v1::GetNetworkPolicyRequest& request);

absl::Status CheckGetStats(const v1::GetNetworkStatsRequest& request);

// The question, complete; its policy too, where there is one.
absl::StatusOr<internal::v1::Evaluate> CheckEvaluate(const v1::EvaluatePolicyRequest& request);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_REQUEST_VALIDATION_H_
