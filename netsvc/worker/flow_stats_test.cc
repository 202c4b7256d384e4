#include "netsvc/worker/flow_stats.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

class FlowStatsTest : public testing::Test {
 protected:
  flow::Flow& Open(uint16_t guest_port, const char* remote, uint64_t to_remote, uint64_t to_guest) {
    const flow::FlowKey key{v1::PROTOCOL_TCP, *Endpoint::Parse("10.0.2.15:" + std::to_string(guest_port)),
                            *Endpoint::Parse(remote)};
    flow::Flow& flow = *flows_.Open(key, key, absl::ZeroDuration());
    flow.bytes_to_remote = to_remote;
    flow.bytes_to_guest = to_guest;
    return flow;
  }
  internal::v1::StatsResult Stats(uint32_t top_remotes) {
    internal::v1::StatsResult stats;
    FillFlowStats(flows_, top_remotes, stats);
    return stats;
  }

  flow::FlowTable flows_{100};
};

TEST_F(FlowStatsTest, AddsUpOpenFlows) {
  Open(1, "93.184.216.34:443", 10, 100);
  Open(2, "93.184.216.34:443", 1, 2);
  flows_.MarkEnded(Open(3, "93.184.216.35:443", 50, 50), absl::ZeroDuration());
  const internal::v1::StatsResult stats = Stats(0);
  EXPECT_EQ(stats.flows_open(), 2u);
  EXPECT_EQ(stats.bytes_to_remote(), 11u);
  EXPECT_EQ(stats.bytes_to_guest(), 102u);
  EXPECT_EQ(stats.top_remotes_size(), 0);
}

TEST_F(FlowStatsTest, NamesTheRemotesWithTheMostBytes) {
  Open(1, "1.1.1.1:443", 10, 0);
  Open(2, "2.2.2.2:443", 0, 30);
  Open(3, "3.3.3.3:443", 15, 5);
  Open(4, "1.1.1.1:443", 5, 0);
  const internal::v1::StatsResult stats = Stats(2);
  ASSERT_EQ(stats.top_remotes_size(), 2);
  EXPECT_EQ(stats.top_remotes(0).remote().address(), "2.2.2.2");
  EXPECT_EQ(stats.top_remotes(1).remote().address(), "3.3.3.3");
  EXPECT_EQ(stats.top_remotes(1).bytes_to_remote(), 15u);
  EXPECT_EQ(Stats(100).top_remotes(2).flows(), 2u);
}

TEST_F(FlowStatsTest, TellsTheNameThatAGuestAskedForBeforeOneThatItResolved) {
  Open(1, "1.1.1.1:443", 10, 0);
  Open(2, "1.1.1.1:443", 10, 0).names = {*DomainName::FromText("resolved.test")};
  EXPECT_EQ(Stats(1).top_remotes(0).name(), "resolved.test");
  Open(3, "1.1.1.1:443", 10, 0).server_name = *DomainName::FromText("asked.test");
  EXPECT_EQ(Stats(1).top_remotes(0).name(), "asked.test");
  Open(4, "2.2.2.2:80", 50, 0);
  EXPECT_EQ(Stats(1).top_remotes(0).name(), "");
}

TEST_F(FlowStatsTest, DnsConnectionsAreNoFlowsOfTheGuests) {
  Open(1, "8.8.8.8:53", 10, 10).handler = flow::Handler::kDns;
  EXPECT_EQ(Stats(10).flows_open(), 0u);
  EXPECT_EQ(Stats(10).top_remotes_size(), 0);
}

}  // namespace
}  // namespace sluice
