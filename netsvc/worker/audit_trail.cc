#include "netsvc/worker/audit_trail.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"

namespace sluice {
namespace {

using flow::Flow;
using flow::FlowKey;

constexpr policy::Verdict kUnavailable{.action = v1::ACTION_DENY,
                                       .reason = v1::Verdict::REASON_AUDIT_UNAVAILABLE,
                                       .rule_id = policy::kDefaultRuleId};

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

AuditTrail::AuditTrail(EventLoop& loop, std::unique_ptr<audit::LogWriter> log, OnFailure on_failure)
    : loop_(loop), log_(std::move(log)), on_failure_(on_failure) {
  ExpireLater();
}

AuditTrail::~AuditTrail() { Finish(); }

void AuditTrail::SetGeneration(uint64_t generation) {
  TellFolds();
  generation_ = generation;
}

void AuditTrail::Count(policy::RuleHits::Kind kind, v1::Action action, absl::string_view rule_id) {
  if (hits_ != nullptr) hits_->Count(kind, action, rule_id, loop_.clock().Now());
}

void AuditTrail::Show(const policy::Verdict& verdict) {
  if (captures_ != nullptr) captures_->Judged(verdict);
}

void AuditTrail::Append(v1::AuditEvent& event) {
  event.set_policy_generation(generation_);
  log_->Append(event);
}

bool AuditTrail::Record(v1::AuditEvent& event) {
  if (!available()) return false;
  Append(event);
  if (Commit()) return true;
  log_->Retract();
  return false;
}

bool AuditTrail::Commit() {
  // While it cannot be written, Retry alone tries.
  if (!error_.empty()) return available();
  const absl::Status written = log_->Flush();
  if (written.ok()) return true;
  ++counters_.unwritten;
  error_ = std::string(written.message());
  failing_since_ = loop_.clock().Now();
  retry_timer_ = loop_.RunAfter(kRetryTime, [this] { Retry(); });
  return available();
}

void AuditTrail::SetOptions(const audit::LogWriter::Retention& retention, OnFailure on_failure) {
  on_failure_ = on_failure;
  Commit();
  log_->SetRetention(retention);
}

void AuditTrail::Retry() {
  v1::AuditEvent summary;
  summary.mutable_lifecycle()->set_state(v1::Sandbox::STATE_RUNNING);
  summary.mutable_lifecycle()->set_message(
      absl::StrCat("the audit log could not be written for ", absl::FormatDuration(loop_.clock().Now() - failing_since_),
                   " (", error_, "): ", refused_flows_, " flows and ", refused_names_, " queries were denied"));
  Append(summary);
  const absl::Status written = log_->Flush();
  if (!written.ok()) {
    log_->Retract();
    ++counters_.unwritten;
    error_ = std::string(written.message());
    retry_timer_ = loop_.RunAfter(kRetryTime, [this] { Retry(); });
    return;
  }
  error_.clear();
  refused_flows_ = refused_names_ = 0;
  retry_timer_.reset();
  TellHeld();
}

void AuditTrail::TellHeld() {
  for (const v1::DnsEvent& dns : std::exchange(held_dns_, {})) {
    v1::AuditEvent event;
    *event.mutable_dns() = dns;
    Append(event);
  }
  TellFolds();
}

void AuditTrail::HoldDns(const v1::DnsEvent& event) {
  ++refused_names_;
  Show(kUnavailable);
  activity_.DnsQuery(v1::ACTION_DENY, v1::Verdict::REASON_AUDIT_UNAVAILABLE, absl::ZeroDuration());
  if (held_dns_.size() >= kMaxHeldDns) return;
  v1::DnsEvent& held = held_dns_.emplace_back(event);
  held.set_response_code("SERVFAIL");
  held.clear_addresses();
  held.clear_ttl();
  *held.mutable_verdict() = kUnavailable.ToProto();
}

void AuditTrail::ExpireLater() {
  expire_timer_ = loop_.RunAfter(kExpireTime, [this] {
    log_->Expire();
    ExpireLater();
  });
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
  if (!Record(event)) return false;
  activity_.FlowOpened();
  return true;
}

void AuditTrail::FillTotals(const Flow& flow, v1::FlowEvent& event) const {
  event.set_flow_id(flow.id);
  event.set_count(1);
  SetKey(flow.direction, flow.guest_side, event);
  SetNames(flow.names, event);
  if (flow.server_name) event.set_server_name(flow.server_name->ToString());
  event.set_bytes_to_remote(flow.bytes_to_remote);
  event.set_bytes_to_guest(flow.bytes_to_guest);
  const absl::Duration age = loop_.clock().Monotonic() - flow.opened;
  *event.mutable_duration() =
      google::protobuf::util::TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(age));
}

void AuditTrail::FlowProgress(const Flow& flow) {
  if (!error_.empty()) return;  // the next one tells as much
  v1::AuditEvent event;
  v1::FlowEvent& progress = *event.mutable_flow();
  progress.set_phase(v1::FlowEvent::PHASE_PROGRESS);
  FillTotals(flow, progress);
  SetVerdict(flow, *progress.mutable_verdict());
  Append(event);
  CommitSoon();
}

void AuditTrail::FlowClosed(const Flow& flow, v1::FlowEvent::EndCause cause, const policy::Verdict* verdict) {
  if (verdict != nullptr && verdict->reason == v1::Verdict::REASON_AUDIT_UNAVAILABLE) {
    return FlowDenied(flow.direction, flow.guest_side, *verdict, flow.names);
  }
  activity_.FlowClosed(flow.bytes_to_remote, flow.bytes_to_guest);
  v1::AuditEvent event;
  v1::FlowEvent& closed = *event.mutable_flow();
  closed.set_phase(v1::FlowEvent::PHASE_CLOSED);
  FillTotals(flow, closed);
  closed.set_end_cause(cause);
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
  Show(verdict);
  activity_.FlowDenied(verdict.reason);
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
    if (!available()) ++refused_flows_;
    return;
  }
  v1::AuditEvent event;
  *event.mutable_flow() = denied;
  event.mutable_flow()->set_count(1);
  const bool told = Record(event);
  if (!told) ++refused_flows_;
  if (folds_.size() >= kMaxFolds) return;
  folds_[fold_key] = {.event = std::move(denied), .more = told ? 0u : 1u};
  if (fold_timer_ == nullptr) fold_timer_ = loop_.RunAfter(kFoldTime, [this] { TellFolds(); });
}

void AuditTrail::TellFolds() {
  fold_timer_.reset();
  if (!available()) return;  // Retry tells them
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
  Show({.action = v1::ACTION_DENY, .reason = reason, .rule_id = policy::kDefaultRuleId});
  ++drops.untold;
  activity_.FlowDenied(reason);
  if (!available()) return;
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
  if (!available()) return HoldDns(dns);
  Show({.action = dns.verdict().action(), .reason = dns.verdict().reason(), .rule_id = dns.verdict().rule_id()});
  Count(policy::RuleHits::Kind::kName, dns.verdict().action(), dns.verdict().rule_id());
  const absl::Duration latency = absl::Seconds(dns.latency().seconds()) + absl::Nanoseconds(dns.latency().nanos());
  activity_.DnsQuery(dns.verdict().action(), dns.verdict().reason(), latency);
  v1::AuditEvent event;
  *event.mutable_dns() = std::move(dns);
  Append(event);
  CommitSoon();
}

bool AuditTrail::Port(const v1::PortEvent& port) {
  v1::AuditEvent event;
  *event.mutable_port() = port;
  return Record(event);
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

void AuditTrail::Finish() {
  if (!error_.empty()) Retry();
  TellFolds();
}

void AuditTrail::FillStats(internal::v1::StatsResult& stats) const {
  activity_.Fill(stats);
  stats.set_audit_last_sequence(log_->last_sequence());
  stats.set_audit_dropped(log_->dropped());
  stats.set_audit_write_errors(counters_.unwritten);
  stats.set_audit_error(error_);
}

}  // namespace sluice
