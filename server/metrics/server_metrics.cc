#include "server/metrics/server_metrics.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "server/metrics/families.h"

namespace sluice {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// "STATE_RUNNING" to "running".
std::string Word(const std::string& name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

MetricFamily Counter(const std::string& name, const std::string& help, uint64_t value) {
  MetricFamily family = Family(name, help, MetricType::Counter);
  AddCounter(family, {}, static_cast<double>(value));
  return family;
}

MetricFamily Gauge(const std::string& name, const std::string& help, double value) {
  MetricFamily family = Family(name, help, MetricType::Gauge);
  AddGauge(family, {}, value);
  return family;
}

void AddReasons(const WorkerTotals::ReasonCounts& counts, const MetricLabels& labels, MetricFamily& family) {
  for (const auto& [reason, count] : counts) {
    MetricLabels all = labels;
    all.emplace_back("reason", Word(v1::Verdict::Reason_Name(reason), "REASON_"));
    AddCounter(family, all, static_cast<double>(count));
  }
}

MetricFamily Sandboxes(const std::map<v1::Sandbox::State, size_t>& by_state) {
  MetricFamily family = Family("sluice_sandboxes", "Sandboxes, by state.", MetricType::Gauge);
  for (int i = v1::Sandbox::State_MIN + 1; i <= v1::Sandbox::State_MAX; ++i) {
    const auto state = static_cast<v1::Sandbox::State>(i);
    const auto found = by_state.find(state);
    AddGauge(family, {{"state", Word(v1::Sandbox::State_Name(state), "STATE_")}},
             found == by_state.end() ? 0 : static_cast<double>(found->second));
  }
  return family;
}

void AddTraffic(const WorkerTotals::Sum& sum, std::vector<MetricFamily>& families) {
  families.push_back(Gauge("sluice_flows_open", "Flows that are open now.", static_cast<double>(sum.flows_open)));
  families.push_back(Counter("sluice_flows_opened_total", "Flows that were opened.", sum.flows_opened));
  MetricFamily denied = Family("sluice_flows_denied_total",
                               "Packets that would have opened a flow and were denied, by reason.", MetricType::Counter);
  AddReasons(sum.flows_denied, {}, denied);
  families.push_back(std::move(denied));
  MetricFamily bytes = Family("sluice_flow_bytes_total", "Payload of flows, by direction.", MetricType::Counter);
  AddCounter(bytes, {{"direction", "to_remote"}}, static_cast<double>(sum.bytes_to_remote));
  AddCounter(bytes, {{"direction", "to_guest"}}, static_cast<double>(sum.bytes_to_guest));
  families.push_back(std::move(bytes));
}

void AddDns(const WorkerTotals::Sum& sum, std::vector<MetricFamily>& families) {
  MetricFamily queries = Family("sluice_dns_queries_total", "DNS queries, by verdict.", MetricType::Counter);
  AddReasons(sum.dns_allowed, {{"action", "allow"}}, queries);
  AddReasons(sum.dns_denied, {{"action", "deny"}}, queries);
  families.push_back(std::move(queries));
  MetricFamily latency =
      Family("sluice_dns_latency_seconds", "From a DNS query to its answer.", MetricType::Histogram);
  if (!sum.dns_latency_counts.empty()) {
    AddHistogram(latency, {}, sum.dns_latency_bounds, sum.dns_latency_counts, sum.dns_latency_seconds);
    families.push_back(std::move(latency));
  }
}

void AddAudit(const WorkerTotals::Sum& sum, const AuditStreams::Summary& streams, std::vector<MetricFamily>& families) {
  families.push_back(Counter("sluice_audit_events_total", "Audit events that were numbered.", sum.audit_events));
  families.push_back(Counter("sluice_audit_events_dropped_total",
                             "Audit events that were numbered and could not be kept.", sum.audit_dropped));
  families.push_back(Counter("sluice_audit_write_errors_total", "Tries to write an audit log that failed.",
                             sum.audit_write_errors));
  families.push_back(Gauge("sluice_audit_unavailable_sandboxes", "Sandboxes whose audit log cannot be written now.",
                           static_cast<double>(sum.audit_unavailable)));
  families.push_back(Gauge("sluice_audit_readers", "Open StreamAuditEvents calls.", static_cast<double>(streams.open)));
  families.push_back(Gauge("sluice_audit_reader_max_lag_seconds",
                           "Age of the last event that the slowest reader took, where more waits for it.",
                           absl::ToDoubleSeconds(streams.max_lag)));
}

void AddFloor(const FloorPolicy::State& floor, std::vector<MetricFamily>& families) {
  families.push_back(Gauge("sluice_floor_rules", "Floor rules in force.", static_cast<double>(floor.rules)));
  families.push_back(Gauge("sluice_floor_stale", "1 where the floor's file changed and is not right: the old rules are in force.",
                           floor.stale ? 1 : 0));
  families.push_back(Counter("sluice_floor_failed_reloads_total", "Tries to read the floor's file again that failed.",
                             floor.failed_reloads));
}

const char* Word(RefusedConnections::Reason reason) {
  switch (reason) {
    case RefusedConnections::Reason::kUnknownUser:
      return "unknown_user";
    case RefusedConnections::Reason::kUserLimit:
      return "user_limit";
    case RefusedConnections::Reason::kUsersLimit:
      return "users_limit";
    case RefusedConnections::Reason::kDescriptors:
      return "descriptors";
  }
  return "";
}

MetricFamily Refused(const RefusedConnections& refused) {
  MetricFamily family = Family("sluice_connections_refused_total",
                               "Connections that were refused ahead of their first call, by reason.", MetricType::Counter);
  for (const RefusedConnections::Reason reason : RefusedConnections::kReasons) {
    AddCounter(family, {{"reason", Word(reason)}}, static_cast<double>(refused.Get(reason)));
  }
  return family;
}

}  // namespace

std::vector<MetricFamily> ServerMetrics::Collect() const {
  const WorkerTotals::Sum sum = sources_.workers.Get();
  std::vector<MetricFamily> families = {Sandboxes(sources_.sandboxes())};
  AddTraffic(sum, families);
  AddDns(sum, families);
  AddAudit(sum, sources_.streams.Summarize(), families);
  AddFloor(sources_.floor.state(), families);
  families.push_back(Counter("sluice_worker_deaths_total", "Workers that ended and were not told to.", sum.deaths));
  families.push_back(Refused(sources_.refused_connections));
  for (MetricFamily& family : sources_.rpcs.Collect()) families.push_back(std::move(family));
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

}  // namespace sluice
