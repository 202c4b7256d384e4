#include "netsvc/worker/activity.h"

#include <algorithm>

namespace sluice {
namespace {

// Only what happened: most reasons never do.
template <typename Counts, typename Add>
void FillReasons(const Counts& counts, Add add) {
  for (size_t reason = 0; reason < counts.size(); ++reason) {
    if (counts[reason] == 0) continue;
    internal::v1::ReasonCount& count = *add();
    count.set_reason(static_cast<v1::Verdict::Reason>(reason));
    count.set_count(counts[reason]);
  }
}

}  // namespace

void Activity::DnsQuery(v1::Action action, v1::Verdict::Reason reason, absl::Duration latency) {
  ++(action == v1::ACTION_ALLOW ? dns_allowed_ : dns_denied_)[Index(reason)];
  const auto bound = std::lower_bound(kDnsLatencyBounds.begin(), kDnsLatencyBounds.end(), absl::ToDoubleSeconds(latency));
  ++dns_latency_[static_cast<size_t>(bound - kDnsLatencyBounds.begin())];
  dns_latency_sum_ += latency;
}

void Activity::Fill(internal::v1::StatsResult& stats) const {
  stats.set_flows_opened(flows_opened_);
  stats.set_bytes_to_remote(bytes_to_remote_);
  stats.set_bytes_to_guest(bytes_to_guest_);
  FillReasons(denied_, [&stats] { return stats.add_flows_denied(); });
  FillReasons(dns_allowed_, [&stats] { return stats.add_dns_allowed(); });
  FillReasons(dns_denied_, [&stats] { return stats.add_dns_denied(); });
  internal::v1::Histogram& latency = *stats.mutable_dns_latency();
  for (const double bound : kDnsLatencyBounds) latency.add_bounds(bound);
  for (const uint64_t count : dns_latency_) latency.add_counts(count);
  latency.set_sum(absl::ToDoubleSeconds(dns_latency_sum_));
}

}  // namespace sluice
