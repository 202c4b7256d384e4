#include "netsvc/worker/lingering_connections.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/loop/fake_loop.h"

namespace sluice {
namespace {

using flow::Flow;
using flow::FlowKey;

class LingeringConnectionsTest : public testing::Test {
 protected:
  static FlowKey Key(uint16_t port) {
    return {v1::PROTOCOL_TCP, *Endpoint::Parse("10.0.2.15:1"), {*IpAddress::Parse("93.184.216.34"), port}};
  }
  Flow& Open(uint16_t port) { return *flows_.Open(Key(port), Key(port), loop_.clock().Monotonic()); }
  // As one that has just ended.
  void End(Flow& flow) {
    lingering_.Add(flow);
    flows_.MarkEnded(flow, loop_.clock().Monotonic());
  }

  FakeLoop loop_;
  flow::FlowTable flows_{100'000};
  std::vector<uint64_t> ended_;
  LingeringConnections lingering_{loop_, flows_, [this](const Flow& flow) { ended_.push_back(flow.id); }};
};

TEST_F(LingeringConnectionsTest, EndsEachAtItsTime) {
  Flow& first = Open(1);
  Flow& second = Open(2);
  End(first);
  loop_.Advance(LingeringConnections::kLinger / 2);
  End(second);
  EXPECT_TRUE(ended_.empty());
  loop_.Advance(LingeringConnections::kLinger / 2);
  EXPECT_EQ(ended_, (std::vector<uint64_t>{first.id}));
  loop_.Advance(LingeringConnections::kLinger / 2);
  EXPECT_EQ(ended_, (std::vector<uint64_t>{first.id, second.id}));
  EXPECT_EQ(lingering_.size(), 0u);
}

TEST_F(LingeringConnectionsTest, LeavesAloneWhatCameInItsPlace) {
  End(Open(1));
  const Flow& other = Open(1);
  loop_.Advance(LingeringConnections::kLinger);
  EXPECT_TRUE(ended_.empty()) << other.id;
  EXPECT_EQ(lingering_.size(), 0u);
}

TEST_F(LingeringConnectionsTest, IsBounded) {
  for (size_t i = 0; i <= LingeringConnections::kMaxConnections; ++i) End(Open(static_cast<uint16_t>(i)));
  EXPECT_EQ(lingering_.size(), LingeringConnections::kMaxConnections);
  EXPECT_EQ(lingering_.left(), 1u);
  loop_.Advance(LingeringConnections::kLinger);
  EXPECT_EQ(ended_.size(), LingeringConnections::kMaxConnections);
}

}  // namespace
}  // namespace sluice
