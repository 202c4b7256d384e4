#include "server/core/worker_totals.h"

#include <algorithm>

namespace sluice {
namespace {

using internal::v1::StatsResult;

void AddReasons(const google::protobuf::RepeatedPtrField<internal::v1::ReasonCount>& counts,
                WorkerTotals::ReasonCounts& sum) {
  for (const internal::v1::ReasonCount& count : counts) sum[count.reason()] += count.count();
}

void AddLatency(const internal::v1::Histogram& latency, WorkerTotals::Sum& sum) {
  if (sum.dns_latency_counts.empty()) {
    sum.dns_latency_bounds.assign(latency.bounds().begin(), latency.bounds().end());
    sum.dns_latency_counts.assign(static_cast<size_t>(latency.counts_size()), 0);
  }
  // A worker is of the server's own version, or has no place in its buckets.
  if (!std::equal(latency.bounds().begin(), latency.bounds().end(), sum.dns_latency_bounds.begin(),
                  sum.dns_latency_bounds.end()) ||
      static_cast<size_t>(latency.counts_size()) != sum.dns_latency_counts.size()) {
    return;
  }
  for (int i = 0; i < latency.counts_size(); ++i) sum.dns_latency_counts[static_cast<size_t>(i)] += latency.counts(i);
  sum.dns_latency_seconds += latency.sum();
}

// What counts up.
void AddCounters(const StatsResult& stats, WorkerTotals::Sum& sum) {
  sum.flows_opened += stats.flows_opened();
  AddReasons(stats.flows_denied(), sum.flows_denied);
  sum.bytes_to_remote += stats.bytes_to_remote();
  sum.bytes_to_guest += stats.bytes_to_guest();
  AddReasons(stats.dns_allowed(), sum.dns_allowed);
  AddReasons(stats.dns_denied(), sum.dns_denied);
  AddLatency(stats.dns_latency(), sum);
  sum.audit_events += stats.audit_last_sequence();
  sum.audit_dropped += stats.audit_dropped();
  sum.audit_write_errors += stats.audit_write_errors();
}

}  // namespace

void WorkerTotals::Update(const std::string& sandbox_uid, const StatsResult& stats) {
  const MutexLock lock(mutex_);
  current_[sandbox_uid] = stats;
}

void WorkerTotals::Forget(const std::string& sandbox_uid) {
  const MutexLock lock(mutex_);
  const auto found = current_.find(sandbox_uid);
  if (found == current_.end()) return;
  AddCounters(found->second, gone_);
  current_.erase(found);
}

void WorkerTotals::CountDeath(const std::string& sandbox_uid) {
  const MutexLock lock(mutex_);
  ++gone_.deaths;
  const auto found = current_.find(sandbox_uid);
  if (found == current_.end()) return;
  // The next worker's events are counted from the log's first.
  found->second.clear_audit_last_sequence();
  AddCounters(found->second, gone_);
  current_.erase(found);
}

WorkerTotals::Sum WorkerTotals::Get() const {
  const MutexLock lock(mutex_);
  Sum sum = gone_;
  for (const auto& [uid, stats] : current_) {
    AddCounters(stats, sum);
    sum.flows_open += stats.flows_open();
    if (!stats.audit_error().empty()) ++sum.audit_unavailable;
  }
  return sum;
}

}  // namespace sluice
