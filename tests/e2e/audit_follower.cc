#include "tests/e2e/audit_follower.h"

#include "gtest/gtest.h"

namespace sluice::e2e {

AuditFollower::AuditFollower(SandboxClient& client, const std::string& id, absl::Duration timeout,
                             const std::string& cursor) {
  SetTimeout(timeout, context_);
  v1::StreamAuditEventsRequest request;
  request.add_sandbox_ids(id);
  request.set_follow(true);
  request.set_cursor(cursor);
  stream_ = client.audit().StreamAuditEvents(&context_, request);
}

AuditFollower::~AuditFollower() {
  context_.TryCancel();
  v1::StreamAuditEventsResponse response;
  while (stream_->Read(&response)) continue;
  stream_->Finish();
}

void AuditFollower::ReadTo(uint64_t last) {
  while (next_ <= last && ReadOne()) continue;
}

void AuditFollower::ReadToPolicy(uint64_t generation) {
  while (policy_generation_ < generation && ReadOne()) continue;
}

bool AuditFollower::ReadOne() {
  v1::StreamAuditEventsResponse response;
  if (!stream_->Read(&response)) {
    ADD_FAILURE() << "the stream ended at " << next_;
    return false;
  }
  cursor_ = response.cursor();
  if (!response.has_event() && !response.has_lost()) return true;  // a heartbeat
  const uint64_t from = response.has_event() ? response.event().sequence() : response.lost().first_sequence();
  const uint64_t to = response.has_event() ? from : response.lost().last_sequence();
  if (first_ == 0) first_ = next_ = from;
  if (from != next_ || to < from) {
    ADD_FAILURE() << "after " << last() << " came " << from << " to " << to;
    return false;
  }
  next_ = to + 1;
  if (response.has_event()) {
    Take(response.event());
  } else {
    lost_ += to - from + 1;
    last_lost_ = to;
  }
  return true;
}

void AuditFollower::Take(const v1::AuditEvent& event) {
  ++events_;
  if (event.flow().phase() == v1::FlowEvent::PHASE_DENIED) denied_ += event.flow().count();
  if (event.has_policy()) policy_generation_ = event.policy_generation();
}

}  // namespace sluice::e2e
