#include "netsvc/flow/flow_table.h"

#include <vector>

#include "gtest/gtest.h"

namespace sluice::flow {
namespace {

FlowKey Key(v1::Protocol protocol, uint16_t guest_port) {
  return {protocol,
          {IpAddress::V4(0x0a00020f), guest_port},
          {IpAddress::V4(0x5db8d822), static_cast<uint16_t>(protocol == v1::PROTOCOL_ICMP ? 0 : 80)}};
}

class FlowTableTest : public testing::Test {
 protected:
  Flow* Open(const FlowKey& key) { return table_.Open(key, key, now_); }

  // The ids of the flows that Sweep found idle; each is ended, as it must be.
  std::vector<uint64_t> Sweep() {
    std::vector<uint64_t> idle;
    table_.Sweep(now_, [&](Flow& flow) {
      idle.push_back(flow.id);
      table_.MarkEnded(flow, now_);
    });
    return idle;
  }

  absl::Duration now_ = absl::Hours(1);
  FlowTable table_{4};
};

TEST_F(FlowTableTest, FindsAFlowByEachOfItsSides) {
  const FlowKey guest_side = Key(v1::PROTOCOL_TCP, 1);
  const FlowKey host_side = Key(v1::PROTOCOL_TCP, 2);
  Flow* flow = table_.Open(guest_side, host_side, now_);
  ASSERT_NE(flow, nullptr);
  EXPECT_TRUE(flow->translated());
  EXPECT_EQ(table_.FindByGuestSide(guest_side), flow);
  EXPECT_EQ(table_.FindByHostSide(host_side), flow);
  EXPECT_EQ(table_.FindByGuestSide(host_side), nullptr);
  EXPECT_EQ(table_.FindByHostSide(guest_side), nullptr);
}

TEST_F(FlowTableTest, RefusesWhenFullAndOpensAgainWhenOneHasEnded) {
  Flow* first = Open(Key(v1::PROTOCOL_UDP, 1));
  for (uint16_t port = 2; port <= 4; ++port) ASSERT_NE(Open(Key(v1::PROTOCOL_UDP, port)), nullptr);
  EXPECT_EQ(Open(Key(v1::PROTOCOL_UDP, 5)), nullptr);
  EXPECT_EQ(table_.counters().refused, 1u);
  table_.MarkEnded(*first, now_);
  EXPECT_EQ(table_.open_count(), 3u);
  EXPECT_NE(Open(Key(v1::PROTOCOL_UDP, 5)), nullptr);
}

TEST_F(FlowTableTest, AnEndedFlowGivesWayToANewOneOfTheSameKey) {
  const FlowKey key = Key(v1::PROTOCOL_TCP, 1);
  Flow* first = Open(key);
  const uint64_t first_id = first->id;
  table_.MarkEnded(*first, now_);
  Flow* second = Open(key);
  ASSERT_NE(second, nullptr);
  EXPECT_GT(second->id, first_id);
  EXPECT_FALSE(table_.FindByGuestSide(key)->ended);
}

TEST_F(FlowTableTest, EndedFlowsAreBoundedToo) {
  for (uint16_t port = 1; port <= 100; ++port) {
    Flow* flow = Open(Key(v1::PROTOCOL_UDP, port));
    ASSERT_NE(flow, nullptr);
    table_.MarkEnded(*flow, now_);
  }
  int known = 0;
  for (uint16_t port = 1; port <= 100; ++port) known += table_.FindByGuestSide(Key(v1::PROTOCOL_UDP, port)) != nullptr;
  EXPECT_LE(known, 5);
}

TEST_F(FlowTableTest, SilentFlowsAreIdleAfterTheTimeOfTheirProtocol) {
  Flow* udp = Open(Key(v1::PROTOCOL_UDP, 1));
  Flow* ping = Open(Key(v1::PROTOCOL_ICMP, 2));
  Flow* tcp = Open(Key(v1::PROTOCOL_TCP, 3));
  const std::vector<uint64_t> ids = {udp->id, ping->id, tcp->id};
  now_ += kIcmpTimeout;
  EXPECT_EQ(Sweep(), std::vector<uint64_t>{ids[1]});
  table_.Touch(*udp, now_);
  now_ += kUdpTimeout - absl::Seconds(1);
  EXPECT_TRUE(Sweep().empty());
  now_ += absl::Seconds(1);
  EXPECT_EQ(Sweep(), std::vector<uint64_t>{ids[0]});
  now_ += kTcpOpeningTimeout;
  EXPECT_EQ(Sweep(), std::vector<uint64_t>{ids[2]});
}

TEST_F(FlowTableTest, AnEndedFlowIsForgottenAfterAWhile) {
  const FlowKey key = Key(v1::PROTOCOL_UDP, 1);
  table_.MarkEnded(*Open(key), now_);
  now_ += kEndedTimeout - absl::Milliseconds(1);
  EXPECT_TRUE(Sweep().empty());
  EXPECT_NE(table_.FindByGuestSide(key), nullptr);
  now_ += absl::Milliseconds(1);
  EXPECT_TRUE(Sweep().empty());
  EXPECT_EQ(table_.FindByGuestSide(key), nullptr);
  EXPECT_EQ(table_.FindByHostSide(key), nullptr);
}

TEST_F(FlowTableTest, VisitsEveryOpenFlowThoughTheyEndMeanwhile) {
  Open(Key(v1::PROTOCOL_UDP, 1));
  Open(Key(v1::PROTOCOL_TCP, 2));
  table_.MarkEnded(*Open(Key(v1::PROTOCOL_ICMP, 3)), now_);
  int visited = 0;
  table_.ForEachOpen([&](Flow& flow) {
    ++visited;
    table_.MarkEnded(flow, now_);
  });
  EXPECT_EQ(visited, 2);
  EXPECT_EQ(table_.open_count(), 0u);
}

}  // namespace
}  // namespace sluice::flow
