#ifndef SLUICE_TESTS_E2E_SANDBOX_CLIENT_H_
#define SLUICE_TESTS_E2E_SANDBOX_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "sluice/v1/audit_service.grpc.pb.h"
#include "sluice/v1/guest_service.grpc.pb.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"

namespace sluice::e2e {

// No call of a test takes longer, streams included.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(60);
// Nor does an event that must come.
inline constexpr absl::Duration kEventTimeout = absl::Seconds(15);

void SetTimeout(absl::Duration timeout, grpc::ClientContext& context);

// The same code and message.
absl::Status ToAbsl(const grpc::Status& status);

// The field that google.rpc.BadRequest names; "" where there is none.
std::string BadField(const grpc::Status& status);

// A message from its text form, which must be right.
void ParseProto(absl::string_view text, google::protobuf::Message& message);
template <typename T>
T Proto(absl::string_view text) {
  T message;
  ParseProto(text, message);
  return message;
}

// The services of one server, and single calls of theirs. Any thread.
class SandboxClient {
 public:
  using EventPredicate = std::function<bool(const v1::AuditEvent&)>;
  using SandboxPredicate = std::function<bool(const v1::Sandbox&)>;

  // "unix:PATH" or "HOST:PORT".
  explicit SandboxClient(const std::string& address);

  v1::SandboxService::Stub& sandboxes() { return *sandboxes_; }
  v1::AuditService::Stub& audit() { return *audit_; }
  v1::GuestService::Stub& guests() { return *guests_; }

  absl::StatusOr<v1::Sandbox> Create(const v1::Sandbox& sandbox);
  absl::StatusOr<v1::Sandbox> Get(const std::string& id);
  absl::Status Delete(const std::string& id);
  // The ids of all that match, page by page.
  absl::StatusOr<std::vector<std::string>> List(const v1::ListSandboxesRequest& request);

  absl::StatusOr<v1::SetNetworkPolicyResponse> SetPolicy(const v1::SetNetworkPolicyRequest& request);
  absl::StatusOr<v1::PortMapping> Publish(const std::string& id, const v1::PortMapping& port);
  absl::StatusOr<uint64_t> Unpublish(const std::string& id, const v1::PortMapping& port);

  // Waits for a sandbox as WatchSandboxes shows it.
  absl::StatusOr<v1::Sandbox> AwaitSandbox(const SandboxPredicate& wanted);

  // Every event of the sandbox that is in the log now.
  absl::StatusOr<std::vector<v1::AuditEvent>> Events(const v1::StreamAuditEventsRequest& request);
  absl::StatusOr<std::vector<v1::AuditEvent>> Events(const std::string& id);
  // The sandbox's first event that is wanted, from its oldest on; waits for it.
  // The message of DeadlineExceeded has the events that came instead.
  absl::StatusOr<v1::AuditEvent> AwaitEvent(const std::string& id, const EventPredicate& wanted);

 private:
  explicit SandboxClient(const std::shared_ptr<grpc::Channel>& channel);

  const std::unique_ptr<v1::SandboxService::Stub> sandboxes_;
  const std::unique_ptr<v1::AuditService::Stub> audit_;
  const std::unique_ptr<v1::GuestService::Stub> guests_;
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_SANDBOX_CLIENT_H_
