#ifndef SLUICE_NETSVC_WORKER_AUDIT_TRAIL_H_
#define SLUICE_NETSVC_WORKER_AUDIT_TRAIL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/flow/flow.h"
#include "netsvc/link/captures.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/policy/rule_hits.h"
#include "netsvc/policy/verdict.h"
#include "netsvc/worker/activity.h"
#include "sluice/internal/v1/worker.pb.h"
#include "sluice/v1/audit.pb.h"

namespace sluice {

// What the worker has to say, put into events and written to the sandbox's log.
// One thread.
//
// What opens or answers something is written before it happens: the methods that
// return bool say whether it was, and where it was not, the thing must not
// happen. What merely ended is written at the end of the loop's turn at the
// latest.
//
// From a write that fails until one succeeds, tried every kRetryTime, what opens
// or answers is refused without an event of its own, so that no number is used
// up. What was refused is held here, within bounds, and written as denials
// (AUDIT_UNAVAILABLE) once the log can be; one lifecycle event says how long that
// took and how much was refused in all.
class AuditTrail {
 public:
  // Denials that are the same but for the guest's port are one event a second.
  static constexpr absl::Duration kFoldTime = absl::Seconds(1);
  // Different denials folded at once; past it each is an event of its own.
  static constexpr size_t kMaxFolds = 1024;
  // Between tries to write a log that could not be written.
  static constexpr absl::Duration kRetryTime = absl::Milliseconds(250);
  // DNS events held meanwhile; past it they are counted alone.
  static constexpr size_t kMaxHeldDns = 1024;
  // Between looks at what is too old to keep.
  static constexpr absl::Duration kExpireTime = absl::Minutes(1);

  // Where the log cannot be written.
  enum class OnFailure {
    kDeny,   // what must be written is refused
    kCount,  // it goes on; events that find no room to wait are lost, and counted
  };

  struct Counters {
    uint64_t unwritten = 0;  // tries to write the log that failed
  };

  AuditTrail(EventLoop& loop, std::unique_ptr<audit::LogWriter> log, OnFailure on_failure = OnFailure::kDeny);
  // Writes what is still waiting.
  ~AuditTrail();

  // The policy in force, told in every event from now on; what was denied before
  // is told of the one before.
  void SetGeneration(uint64_t generation);

  // Every verdict on a flow or a name that it is told from now on is counted
  // there too. Outlives it, or is replaced.
  void CountIn(policy::RuleHits& hits) { hits_ = &hits; }

  // Refusals and verdicts on names are shown to those who capture the packet, too.
  // Outlives it.
  void ShowIn(link::Captures& captures) { captures_ = &captures; }

  // Can what has to be written before it happens be written, as far as is known?
  // Where not, refuse what would only be known to fail later.
  bool available() const { return error_.empty() || on_failure_ == OnFailure::kCount; }

  bool FlowOpened(const flow::Flow& flow);
  // It is open for long.
  void FlowProgress(const flow::Flow& flow);
  // `verdict`: nullptr for a flow that ended by itself, and bears its own. One
  // that FlowOpened refused is told as denied.
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
  // From now on. What waits is written first, where it can be.
  void SetOptions(const audit::LogWriter::Retention& retention, OnFailure on_failure);
  bool Port(const v1::PortEvent& event);
  bool Policy(const v1::PolicyEvent& event);
  bool Lifecycle(const v1::LifecycleEvent& event);

  // Writes what is waiting, folded denials included.
  void Finish();

  // What is known of flows, names and the log; not of the flows that are open.
  void FillStats(internal::v1::StatsResult& stats) const;

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

  void Show(const policy::Verdict& verdict);
  void Count(policy::RuleHits::Kind kind, v1::Action action, absl::string_view rule_id);
  void Append(v1::AuditEvent& event);
  void Dropped(const flow::FlowKey& key, v1::Verdict::Reason reason, Drops& drops);
  void FillTotals(const flow::Flow& flow, v1::FlowEvent& event) const;
  // Appends and commits; where that fails and must not, it is as if it had never
  // been.
  bool Record(v1::AuditEvent& event);
  void CommitSoon();
  void TellFolds();
  void HoldDns(const v1::DnsEvent& event);
  void Retry();
  void TellHeld();
  void ExpireLater();

  EventLoop& loop_;
  const std::unique_ptr<audit::LogWriter> log_;
  OnFailure on_failure_;
  Activity activity_;
  uint64_t generation_ = 0;
  policy::RuleHits* hits_ = nullptr;
  link::Captures* captures_ = nullptr;
  absl::flat_hash_map<FoldKey, Fold> folds_;
  std::unique_ptr<EventLoop::Handle> fold_timer_;
  bool commit_posted_ = false;
  Drops malformed_;
  Drops unsupported_;
  Counters counters_;

  // Why the log cannot be written; empty: it can.
  std::string error_;
  absl::Time failing_since_;
  std::vector<v1::DnsEvent> held_dns_;
  uint64_t refused_flows_ = 0;
  uint64_t refused_names_ = 0;
  std::unique_ptr<EventLoop::Handle> retry_timer_;
  std::unique_ptr<EventLoop::Handle> expire_timer_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_AUDIT_TRAIL_H_
