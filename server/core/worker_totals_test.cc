#include "server/core/worker_totals.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

internal::v1::StatsResult Stats(uint64_t flows) {
  internal::v1::StatsResult stats;
  stats.set_flows_open(1);
  stats.set_flows_opened(flows);
  stats.set_bytes_to_remote(10 * flows);
  internal::v1::ReasonCount& denied = *stats.add_flows_denied();
  denied.set_reason(v1::Verdict::REASON_DEFAULT);
  denied.set_count(flows);
  stats.mutable_dns_latency()->add_bounds(0.1);
  stats.mutable_dns_latency()->add_counts(flows);
  stats.mutable_dns_latency()->add_counts(1);
  return stats;
}

TEST(WorkerTotalsTest, AddsUpWorkersAndGoesByTheirLastWord) {
  WorkerTotals totals;
  totals.Update("a", Stats(1));
  totals.Update("a", Stats(3));
  totals.Update("b", Stats(4));
  const WorkerTotals::Sum sum = totals.Get();
  EXPECT_EQ(sum.flows_open, 2u);
  EXPECT_EQ(sum.flows_opened, 7u);
  EXPECT_EQ(sum.bytes_to_remote, 70u);
  EXPECT_EQ(sum.flows_denied.at(v1::Verdict::REASON_DEFAULT), 7u);
  EXPECT_EQ(sum.dns_latency_counts, (std::vector<uint64_t>{7, 2}));
}

TEST(WorkerTotalsTest, CountersOutliveTheirWorkers) {
  WorkerTotals totals;
  totals.Update("a", Stats(3));
  totals.Forget("a");
  totals.Forget("a");
  EXPECT_EQ(totals.Get().flows_open, 0u);
  EXPECT_EQ(totals.Get().flows_opened, 3u);
  totals.Update("a", Stats(2));  // the next worker of the same sandbox
  EXPECT_EQ(totals.Get().flows_opened, 5u);
  EXPECT_EQ(totals.Get().dns_latency_counts, (std::vector<uint64_t>{5, 2}));
}

TEST(WorkerTotalsTest, CountsWorkersWithoutALogAndDeaths) {
  WorkerTotals totals;
  internal::v1::StatsResult failing = Stats(1);
  failing.set_audit_error("No space left on device");
  totals.Update("a", failing);
  totals.Update("b", Stats(1));
  totals.CountDeath("c");
  EXPECT_EQ(totals.Get().audit_unavailable, 1u);
  EXPECT_EQ(totals.Get().deaths, 1u);
  totals.Update("a", Stats(1));
  EXPECT_EQ(totals.Get().audit_unavailable, 0u);
}

TEST(WorkerTotalsTest, EventsOfALogThatGoesOnAreCountedOnce) {
  WorkerTotals totals;
  internal::v1::StatsResult stats = Stats(3);
  stats.set_audit_last_sequence(100);
  totals.Update("a", stats);
  totals.CountDeath("a");
  EXPECT_EQ(totals.Get().flows_opened, 3u);
  stats.set_audit_last_sequence(120);
  totals.Update("a", stats);
  EXPECT_EQ(totals.Get().audit_events, 120u);
  EXPECT_EQ(totals.Get().flows_opened, 6u);
}

TEST(WorkerTotalsTest, BucketsOfAnotherMakeAreLeftOut) {
  WorkerTotals totals;
  totals.Update("a", Stats(1));
  internal::v1::StatsResult other = Stats(1);
  other.mutable_dns_latency()->set_bounds(0, 0.2);
  totals.Update("b", other);
  internal::v1::StatsResult torn = Stats(1);
  torn.mutable_dns_latency()->clear_counts();
  totals.Update("c", torn);
  EXPECT_EQ(totals.Get().dns_latency_counts, (std::vector<uint64_t>{1, 1}));
}

}  // namespace
}  // namespace sluice
