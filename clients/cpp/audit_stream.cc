#include "clients/cpp/audit_stream.h"

#include "clients/cpp/status.h"

namespace sluice::client {
namespace {

v1::StreamAuditEventsRequest Request(const std::string& sandbox_id, const AuditOptions& options) {
  v1::StreamAuditEventsRequest request;
  request.add_sandbox_ids(sandbox_id);
  request.set_cursor(options.cursor);
  request.set_follow(options.follow);
  *request.mutable_filter() = options.filter;
  return request;
}

}  // namespace

AuditStream::AuditStream(v1::AuditService::Stub& audit, const std::string& sandbox_id,
                         const AuditOptions& options)
    : context_(std::make_unique<grpc::ClientContext>()),
      reader_(audit.StreamAuditEvents(context_.get(), Request(sandbox_id, options))) {}

AuditStream::~AuditStream() {
  if (reader_ == nullptr) return;
  Cancel();
  while (Next() != nullptr) {
  }
  Finish().IgnoreError();
}

const v1::StreamAuditEventsResponse* AuditStream::Next() {
  while (reader_ != nullptr && reader_->Read(&item_)) {
    if (!item_.has_heartbeat()) return &item_;
  }
  return nullptr;
}

absl::Status AuditStream::Finish() {
  if (reader_ == nullptr) return absl::FailedPreconditionError("the stream has been finished");
  const grpc::Status status = reader_->Finish();
  reader_.reset();
  return ToAbsl(status);
}

}  // namespace sluice::client
