#include "netsvc/worker/audit_trail.h"

#include <utility>

#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"

namespace sluice {
namespace {

using flow::Flow;
using flow::FlowKey;

void SetEndpoint(const Endpoint& endpoint, v1::Endpoint& out) {
  out.set_address(endpoint.address.ToString());
  out.set_port(endpoint.port);
}

void SetKey(v1::Direction direction, const FlowKey& key, v1::FlowEvent& event) {
  event.set_direction(direction);
  event.set_protocol(key.protocol);
  SetEndpoint(key.guest, *event.mutable_guest());
  SetEndpoint(key.remote, *event.mutable_remote());
}

void SetNames(std::span<const DomainName> names, v1::FlowEvent& event) {
  for (const DomainName& name : names) event.add_domains(name.ToString());
}

void SetVerdict(const Flow& flow, v1::Verdict& out) {
  out.set_action(flow.action);
  out.set_reason(flow.reason);
  out.set_rule_id(flow.rule_id);
}

}  // namespace

AuditTrail::AuditTrail(EventLoop& loop, std::unique_ptr<audit::LogWriter> log)
    : loop_(loop), log_(std::move(log)) {}

AuditTrail::~AuditTrail() { Finish(); }

void AuditTrail::SetGeneration(uint64_t generation) {
  TellFolds();
  generation_ = generation;
}

void AuditTrail::Count(policy::RuleHits::Kind kind, v1::Action action, absl::string_view rule_id) {
  if (hits_ != nullptr) hits_->Count(kind, action, rule_id, loop_.clock().Now());
}

void AuditTrail::Append(v1::AuditEvent& event) {
  event.set_policy_generation(generation_);
  log_->Append(event);
}

bool AuditTrail::Commit() {
  if (log_->Flush().ok()) return true;
  ++counters_.unwritten;
  return false;
}

void AuditTrail::CommitSoon() {
  if (std::exchange(commit_posted_, true)) return;
  loop_.Post([this] {
    commit_posted_ = false;
    Commit();
  });
}

bool AuditTrail::FlowOpened(const Flow& flow) {
  Count(policy::RuleHits::Kind::kFlow, flow.action, flow.rule_id);
  v1::AuditEvent event;
  v1::FlowEvent& opened = *event.mutable_flow();
  opened.set_phase(v1::FlowEvent::PHASE_OPENED);
  opened.set_flow_id(flow.id);
  opened.set_count(1);
  SetKey(flow.direction, flow.guest_side, opened);
  SetNames(flow.names, opened);
  SetVerdict(flow, *opened.mutable_verdict());
  Append(event);
  return Commit();
}

void AuditTrail::FlowClosed(const Flow& flow, v1::FlowEvent::EndCause cause, const policy::Verdict* verdict) {
  v1::AuditEvent event;
  v1::FlowEvent& closed = *event.mutable_flow();
  closed.set_phase(v1::FlowEvent::PHASE_CLOSED);
  closed.set_flow_id(flow.id);
  closed.set_count(1);
  SetKey(flow.direction, flow.guest_side, closed);
  SetNames(flow.names, closed);
  if (flow.server_name) closed.set_server_name(flow.server_name->ToString());
  closed.set_bytes_to_remote(flow.bytes_to_remote);
  closed.set_bytes_to_guest(flow.bytes_to_guest);
  closed.set_end_cause(cause);
  const absl::Duration age = loop_.clock().Monotonic() - flow.opened;
  *closed.mutable_duration() =
      google::protobuf::util::TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(age));
  if (verdict != nullptr) {
    *closed.mutable_verdict() = verdict->ToProto();
  } else {
    SetVerdict(flow, *closed.mutable_verdict());
  }
  Append(event);
  CommitSoon();
}

void AuditTrail::FlowDenied(v1::Direction direction, const FlowKey& key, const policy::Verdict& verdict,
                            std::span<const DomainName> names) {
  Count(policy::RuleHits::Kind::kFlow, verdict.action, verdict.rule_id);
  FoldKey fold_key{direction, key, verdict.reason, std::string(verdict.rule_id)};
  fold_key.flow.guest.port = 0;
  v1::FlowEvent denied;
  denied.set_phase(v1::FlowEvent::PHASE_DENIED);
  SetKey(direction, key, denied);
  SetNames(names, denied);
  *denied.mutable_verdict() = verdict.ToProto();
  if (const auto it = folds_.find(fold_key); it != folds_.end()) {
    it->second.event = std::move(denied);
    ++it->second.more;
    return;
  }
  denied.set_count(1);
  v1::AuditEvent event;
  *event.mutable_flow() = denied;
  Append(event);
  Commit();
  if (folds_.size() >= kMaxFolds) return;
  folds_[fold_key].event = std::move(denied);
  if (fold_timer_ == nullptr) fold_timer_ = loop_.RunAfter(kFoldTime, [this] { TellFolds(); });
}

void AuditTrail::TellFolds() {
  fold_timer_.reset();
  for (auto& [key, fold] : std::exchange(folds_, {})) {
    if (fold.more == 0) continue;
    v1::AuditEvent event;
    *event.mutable_flow() = std::move(fold.event);
    event.mutable_flow()->set_count(fold.more);
    Append(event);
  }
  Commit();
}

void AuditTrail::Dropped(const FlowKey& key, v1::Verdict::Reason reason, Drops& drops) {
  ++drops.untold;
  const absl::Duration now = loop_.clock().Monotonic();
  if (now - drops.last_told < kFoldTime) return;
  drops.last_told = now;
  v1::AuditEvent event;
  v1::FlowEvent& denied = *event.mutable_flow();
  denied.set_phase(v1::FlowEvent::PHASE_DENIED);
  SetKey(v1::DIRECTION_EGRESS, key, denied);
  denied.mutable_verdict()->set_action(v1::ACTION_DENY);
  denied.mutable_verdict()->set_reason(reason);
  denied.mutable_verdict()->set_rule_id(std::string(policy::kDefaultRuleId));
  denied.set_count(std::exchange(drops.untold, 0));
  Append(event);
  CommitSoon();
}

void AuditTrail::Dns(v1::DnsEvent dns) {
  Count(policy::RuleHits::Kind::kName, dns.verdict().action(), dns.verdict().rule_id());
  v1::AuditEvent event;
  *event.mutable_dns() = std::move(dns);
  Append(event);
  CommitSoon();
}

bool AuditTrail::Port(const v1::PortEvent& port) {
  v1::AuditEvent event;
  *event.mutable_port() = port;
  Append(event);
  return Commit();
}

bool AuditTrail::Policy(const v1::PolicyEvent& policy) {
  v1::AuditEvent event;
  *event.mutable_policy() = policy;
  Append(event);
  return Commit();
}

bool AuditTrail::Lifecycle(const v1::LifecycleEvent& lifecycle) {
  v1::AuditEvent event;
  *event.mutable_lifecycle() = lifecycle;
  Append(event);
  return Commit();
}

void AuditTrail::Finish() { TellFolds(); }

}  // namespace sluice
