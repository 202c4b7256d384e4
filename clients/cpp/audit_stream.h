#ifndef SLUICE_CLIENTS_CPP_AUDIT_STREAM_H_
#define SLUICE_CLIENTS_CPP_AUDIT_STREAM_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"
#include "sluice/v1/audit_service.grpc.pb.h"

namespace sluice::client {

struct AuditOptions {
  // Of an earlier item: what comes after it. Empty: from the oldest that is held.
  std::string cursor = {};
  // Goes on with what comes, until it is cancelled.
  bool follow = false;
  v1::AuditFilter filter = {};
};

// A sandbox's audit events, one by one.
//
//   AuditStream audit = sandbox.Audit({.follow = true});
//   while (const auto* item = audit.Next()) {
//     std::cout << item->event().ShortDebugString() << "\n";
//     Remember(item->cursor());  // where to go on, in this process or the next
//   }
//   absl::Status status = audit.Finish();
//
// One thread, but for Cancel. Destroying it ends the call.
class AuditStream {
 public:
  AuditStream(v1::AuditService::Stub& audit, const std::string& sandbox_id, const AuditOptions& options);
  ~AuditStream();
  AuditStream(AuditStream&&) = default;
  AuditStream& operator=(AuditStream&&) = delete;

  // Waits for the next item: an `event`, or `lost` where the log no longer holds
  // what should come next. Valid until the next call. Null at the end.
  const v1::StreamAuditEventsResponse* Next();

  // Makes Next return null. Any thread.
  void Cancel() { context_->TryCancel(); }

  // Once Next returned null: OK, Cancelled, or what broke the stream.
  absl::Status Finish();

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamAuditEventsResponse>> reader_;
  v1::StreamAuditEventsResponse item_;
};

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_AUDIT_STREAM_H_
