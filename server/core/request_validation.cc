#include "server/core/request_validation.h"

#include "absl/strings/str_cat.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/ip_address.h"
#include "server/core/field_checks.h"
#include "server/core/guest_validation.h"
#include "server/core/labels.h"
#include "server/core/network_validation.h"
#include "server/core/page_token.h"
#include "server/core/port_validation.h"

namespace sluice {
namespace {

constexpr absl::string_view kSandboxId = "sandbox_id";
constexpr uint32_t kMaxRemotes = 100;  // of GetNetworkStats: what a worker tells

absl::Status CheckView(v1::SandboxView view) {
  return v1::SandboxView_IsValid(view) ? absl::OkStatus() : FieldError("view", "is not a view of this version");
}

// Of a question: a flow's protocol and port fit one another.
absl::Status CheckFlow(const v1::EvaluatePolicyRequest& request) {
  if (!IpAddress::Parse(request.remote_address())) {
    return FieldError("remote_address", "must be one IPv4 or IPv6 address");
  }
  if (request.protocol() == v1::PROTOCOL_UNSPECIFIED) return FieldError("protocol", "is required with remote_address");
  if (request.protocol() == v1::PROTOCOL_ICMP) {
    return request.port() == 0 ? absl::OkStatus() : FieldError("port", "must be 0: ICMP has no ports");
  }
  if (request.port() >= 1 && request.port() <= 65535) return absl::OkStatus();
  return FieldError("port", "must be 1 to 65535");
}

absl::Status CheckQuestion(const v1::EvaluatePolicyRequest& request) {
  if (!v1::Direction_IsValid(request.direction())) return FieldError("direction", "is not one of this version");
  if (!v1::Protocol_IsValid(request.protocol())) return FieldError("protocol", "is not one of this version");
  if (request.port() > 65535) return FieldError("port", "must be at most 65535");
  if (!request.remote_domain().empty()) {
    if (request.direction() == v1::DIRECTION_INGRESS) {
      return FieldError("remote_domain", "must be empty on ingress: peers have no names");
    }
    const absl::StatusOr<DomainName> name = DomainName::FromText(request.remote_domain());
    if (!name.ok()) return FieldError("remote_domain", name.status().message());
  }
  if (!request.remote_address().empty()) return CheckFlow(request);
  return request.remote_domain().empty() ? FieldError("remote_address", "is required, or remote_domain is")
                                         : absl::OkStatus();
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

absl::Status CheckGetPolicy(const v1::GetNetworkPolicyRequest& request) {
  return CheckSandboxId(kSandboxId, request.sandbox_id());
}

absl::Status CheckGetStats(const v1::GetNetworkStatsRequest& request) {
  if (request.max_remotes() > kMaxRemotes) {
    return FieldError("max_remotes", absl::StrCat("must be at most ", kMaxRemotes));
  }
  return CheckSandboxId(kSandboxId, request.sandbox_id());
}

absl::StatusOr<internal::v1::Evaluate> CheckEvaluate(const v1::EvaluatePolicyRequest& request) {
  absl::Status status;
  if (!request.sandbox_id().empty()) {
    status = CheckSandboxId(kSandboxId, request.sandbox_id());
  } else if (!request.has_policy()) {
    status = FieldError(kSandboxId, "is required, or policy is");
  }
  internal::v1::Evaluate question;
  if (status.ok() && request.has_policy()) {
    *question.mutable_policy() = request.policy();
    status = CheckPolicy("policy", *question.mutable_policy());
  }
  if (status.ok()) status = CheckQuestion(request);
  if (!status.ok()) return status;
  question.set_direction(request.direction() == v1::DIRECTION_UNSPECIFIED ? v1::DIRECTION_EGRESS
                                                                          : request.direction());
  question.set_protocol(request.protocol());
  question.set_remote_address(request.remote_address());
  question.set_remote_domain(request.remote_domain());
  question.set_port(request.port());
  return question;
}

}  // namespace sluice
