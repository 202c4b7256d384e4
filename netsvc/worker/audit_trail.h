#ifndef SLUICE_NETSVC_WORKER_AUDIT_TRAIL_H_
#define SLUICE_NETSVC_WORKER_AUDIT_TRAIL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/flow/flow.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/policy/rule_hits.h"
#include "netsvc/policy/verdict.h"
#include "sluice/v1/audit.pb.h"

namespace sluice {

// What the worker has to say, put into events and written to the sandbox's log.
// One thread.
//
// What opens or answers something is written before it happens: the methods that
// return bool say whether it was, and where it was not, the thing must not
// happen. What merely ended is written at the end of the loop's turn at the
// latest.
class AuditTrail {
 public:
  // Denials that are the same but for the guest's port are one event a second.
  static constexpr absl::Duration kFoldTime = absl::Seconds(1);
  // Different denials folded at once; past it each is an event of its own.
  static constexpr size_t kMaxFolds = 1024;

  struct Counters {
    uint64_t unwritten = 0;  // the log could not be written when it had to be
  };

  AuditTrail(EventLoop& loop, std::unique_ptr<audit::LogWriter> log);
  // Writes what is still waiting.
  ~AuditTrail();

  // The policy in force, told in every event from now on; what was denied before
  // is told of the one before.
  void SetGeneration(uint64_t generation);

  // Every verdict on a flow or a name that it is told from now on is counted
  // there too. Outlives it, or is replaced.
  void CountIn(policy::RuleHits& hits) { hits_ = &hits; }

  bool FlowOpened(const flow::Flow& flow);
  // `verdict`: nullptr for a flow that ended by itself, and bears its own.
  void FlowClosed(const flow::Flow& flow, v1::FlowEvent::EndCause cause, const policy::Verdict* verdict);
  // `names`: of the remote, as far as they are known.
  void FlowDenied(v1::Direction direction, const flow::FlowKey& key, const policy::Verdict& verdict,
                  std::span<const DomainName> names = {});
  // A frame that no policy was asked about. At most one event a second of each.
  void Malformed(const flow::FlowKey& key) { Dropped(key, v1::Verdict::REASON_MALFORMED, malformed_); }
  void Unsupported(const flow::FlowKey& key) { Dropped(key, v1::Verdict::REASON_UNSUPPORTED, unsupported_); }

  // Written by the next Commit, at the end of the turn at the latest.
  void Dns(v1::DnsEvent event);
  // Writes what waits to be; false: it could not be.
  bool Commit();
  bool Port(const v1::PortEvent& event);
  bool Policy(const v1::PolicyEvent& event);
  bool Lifecycle(const v1::LifecycleEvent& event);

  // Writes what is waiting, folded denials included.
  void Finish();

  const Counters& counters() const { return counters_; }

 private:
  struct FoldKey {
    v1::Direction direction;
    flow::FlowKey flow;  // without the guest's port
    v1::Verdict::Reason reason;
    std::string rule_id;

    friend bool operator==(const FoldKey&, const FoldKey&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const FoldKey& k) {
      return H::combine(std::move(h), k.direction, k.flow, k.reason, k.rule_id);
    }
  };
  // The last of the denials that one event will tell.
  struct Fold {
    v1::FlowEvent event;
    uint64_t more = 0;  // beyond those already told
  };

  // Frames dropped for one reason.
  struct Drops {
    absl::Duration last_told = -absl::InfiniteDuration();
    uint64_t untold = 0;
  };

  void Count(policy::RuleHits::Kind kind, v1::Action action, absl::string_view rule_id);
  void Append(v1::AuditEvent& event);
  void Dropped(const flow::FlowKey& key, v1::Verdict::Reason reason, Drops& drops);
  void CommitSoon();
  void TellFolds();

  EventLoop& loop_;
  const std::unique_ptr<audit::LogWriter> log_;
  uint64_t generation_ = 0;
  policy::RuleHits* hits_ = nullptr;
  absl::flat_hash_map<FoldKey, Fold> folds_;
  std::unique_ptr<EventLoop::Handle> fold_timer_;
  bool commit_posted_ = false;
  Drops malformed_;
  Drops unsupported_;
  Counters counters_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_AUDIT_TRAIL_H_
