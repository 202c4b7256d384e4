#include "netsvc/worker/activity.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ActivityTest, CountsFlowsByReasonAndTheirBytes) {
  Activity activity;
  activity.FlowOpened();
  activity.FlowOpened();
  activity.FlowClosed(100, 2000);
  activity.FlowClosed(1, 2);
  activity.FlowDenied(v1::Verdict::REASON_DEFAULT);
  activity.FlowDenied(v1::Verdict::REASON_DEFAULT);
  activity.FlowDenied(v1::Verdict::REASON_RULE);
  internal::v1::StatsResult stats;
  activity.Fill(stats);
  EXPECT_EQ(stats.flows_opened(), 2u);
  EXPECT_EQ(stats.bytes_to_remote(), 101u);
  EXPECT_EQ(stats.bytes_to_guest(), 2002u);
  ASSERT_EQ(stats.flows_denied_size(), 2);
  EXPECT_EQ(stats.flows_denied(0).reason(), v1::Verdict::REASON_RULE);
  EXPECT_EQ(stats.flows_denied(0).count(), 1u);
  EXPECT_EQ(stats.flows_denied(1).reason(), v1::Verdict::REASON_DEFAULT);
  EXPECT_EQ(stats.flows_denied(1).count(), 2u);
}

TEST(ActivityTest, PutsDnsLatenciesIntoTheirBuckets) {
  Activity activity;
  activity.DnsQuery(v1::ACTION_ALLOW, v1::Verdict::REASON_PRESET, absl::Milliseconds(1));
  activity.DnsQuery(v1::ACTION_ALLOW, v1::Verdict::REASON_PRESET, absl::Microseconds(1001));
  activity.DnsQuery(v1::ACTION_DENY, v1::Verdict::REASON_DNS_BLOCKED, absl::ZeroDuration());
  activity.DnsQuery(v1::ACTION_DENY, v1::Verdict::REASON_DNS_BLOCKED, absl::Minutes(1));
  internal::v1::StatsResult stats;
  activity.Fill(stats);
  ASSERT_EQ(stats.dns_allowed_size(), 1);
  EXPECT_EQ(stats.dns_allowed(0).count(), 2u);
  ASSERT_EQ(stats.dns_denied_size(), 1);
  EXPECT_EQ(stats.dns_denied(0).count(), 2u);
  const internal::v1::Histogram& latency = stats.dns_latency();
  ASSERT_EQ(latency.counts_size(), latency.bounds_size() + 1);
  EXPECT_EQ(latency.counts(0), 2u);  // a bound is its bucket's own
  EXPECT_EQ(latency.counts(1), 1u);
  EXPECT_EQ(latency.counts(latency.bounds_size()), 1u);
  EXPECT_NEAR(latency.sum(), 60.002001, 1e-9);
}

}  // namespace
}  // namespace sluice
