#ifndef SLUICE_TESTS_E2E_AUDIT_FOLLOWER_H_
#define SLUICE_TESTS_E2E_AUDIT_FOLLOWER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"
#include "tests/e2e/sandbox_client.h"

namespace sluice::e2e {

// One StreamAuditEvents call that follows a sandbox from its oldest event, or from a
// cursor, and reads only when it is asked to. From the first event on every number has to come once, in
// order, as an event or as lost; anything else fails the test. One thread.
class AuditFollower {
 public:
  // After `timeout` the call ends.
  AuditFollower(SandboxClient& client, const std::string& id, absl::Duration timeout = 2 * kCallTimeout,
                const std::string& cursor = "");
  ~AuditFollower();
  AuditFollower(const AuditFollower&) = delete;
  AuditFollower& operator=(const AuditFollower&) = delete;

  // Reads on until it has been told of number `last`.
  void ReadTo(uint64_t last);
  // Reads on until the event that this policy came into force.
  void ReadToPolicy(uint64_t generation);

  // Where another goes on.
  const std::string& cursor() const { return cursor_; }
  // The first and the last that it was told of.
  uint64_t first() const { return first_; }
  uint64_t last() const { return next_ - 1; }
  uint64_t events() const { return events_; }
  uint64_t lost() const { return lost_; }
  // The highest number that was lost; 0: none was.
  uint64_t last_lost() const { return last_lost_; }
  // Refusals that the events tell of.
  uint64_t denied() const { return denied_; }

 private:
  // False, and the test has failed, where there is no next response or it is not the
  // one that has to come.
  bool ReadOne();
  void Take(const v1::AuditEvent& event);

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamAuditEventsResponse>> stream_;
  std::string cursor_;
  uint64_t first_ = 0;
  uint64_t next_ = 0;
  uint64_t events_ = 0;
  uint64_t lost_ = 0;
  uint64_t last_lost_ = 0;
  uint64_t denied_ = 0;
  uint64_t policy_generation_ = 0;
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_AUDIT_FOLLOWER_H_
