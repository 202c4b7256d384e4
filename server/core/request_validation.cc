#include "server/core/request_validation.h"

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "server/core/field_checks.h"
#include "server/core/guest_validation.h"
#include "server/core/labels.h"
#include "server/core/network_validation.h"
#include "server/core/page_token.h"
#include "server/core/port_validation.h"

namespace sluice {
namespace {

constexpr absl::string_view kSandboxId = "sandbox_id";

absl::Status CheckView(v1::SandboxView view) {
  return v1::SandboxView_IsValid(view) ? absl::OkStatus() : FieldError("view", "is not a view of this version");
}

}  // namespace

absl::StatusOr<v1::Sandbox> CheckCreate(const v1::CreateSandboxRequest& request) {
  if (!request.has_sandbox()) return FieldError("sandbox", "is required");
  v1::Sandbox sandbox;
  sandbox.set_id(request.sandbox().id());
  *sandbox.mutable_labels() = request.sandbox().labels();
  *sandbox.mutable_guest() = request.sandbox().guest();
  *sandbox.mutable_network() = request.sandbox().network();
  absl::Status status = CheckRequestId("request_id", request.request_id());
  if (status.ok() && !sandbox.id().empty()) status = CheckSandboxId("sandbox.id", sandbox.id());
  if (status.ok()) status = CheckLabels("sandbox.labels", sandbox.labels());
  if (status.ok()) status = CheckGuest("sandbox.guest", *sandbox.mutable_guest());
  if (status.ok()) status = CheckNetwork("sandbox.network", *sandbox.mutable_network());
  if (!status.ok()) return status;
  return sandbox;
}

absl::Status CheckGet(const v1::GetSandboxRequest& request) { return CheckSandboxId(kSandboxId, request.sandbox_id()); }

absl::Status CheckList(const v1::ListSandboxesRequest& request) {
  absl::Status status = CheckLabels("labels", request.labels());
  if (!status.ok()) return status;
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    return FieldError("page_size", absl::StrCat("must be 0 to ", kMaxPageSize));
  }
  status = DecodePageToken("page_token", request.page_token()).status();
  return status.ok() ? CheckView(request.view()) : status;
}

absl::Status CheckDelete(const v1::DeleteSandboxRequest& request) {
  return CheckSandboxId(kSandboxId, request.sandbox_id());
}

absl::Status CheckWatch(const v1::WatchSandboxesRequest& request) {
  const absl::Status status = CheckLabels("labels", request.labels());
  return status.ok() ? CheckView(request.view()) : status;
}

absl::StatusOr<v1::PortMapping> CheckPublish(const v1::PublishPortRequest& request) {
  absl::Status status = CheckSandboxId(kSandboxId, request.sandbox_id());
  if (status.ok()) status = CheckRequestId("request_id", request.request_id());
  if (!status.ok()) return status;
  return CheckPort("port", request.port());
}

absl::StatusOr<v1::PortMapping> CheckUnpublish(const v1::UnpublishPortRequest& request) {
  const absl::Status status = CheckSandboxId(kSandboxId, request.sandbox_id());
  if (!status.ok()) return status;
  return CheckPortName("port", request.port());
}

absl::StatusOr<v1::NetworkPolicy> CheckSetPolicy(const v1::SetNetworkPolicyRequest& request) {
  absl::Status status = CheckSandboxId(kSandboxId, request.sandbox_id());
  if (!status.ok()) return status;
  v1::NetworkPolicy policy = request.policy();
  status = CheckPolicy("policy", policy);
  if (!status.ok()) return status;
  return policy;
}

}  // namespace sluice
