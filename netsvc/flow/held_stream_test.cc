#include "netsvc/flow/held_stream.h"

#include <string>

#include "gtest/gtest.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::flow {
namespace {

using Added = HeldStream::Added;

class HeldStreamTest : public testing::Test {
 protected:
  Added Add(HeldStream& stream, uint32_t sequence, const std::string& text, uint8_t flags = packet::kAck) {
    packet::TcpFields fields;
    fields.flags = flags;
    fields.sequence = sequence;
    fields.payload.assign(text.begin(), text.end());
    packet::Bytes frame = packet::TcpFrame(packet::Between("10.0.2.15:4000", "192.0.2.1:80"), fields);
    packet::Packet packet;
    EXPECT_EQ(packet::Parse(frame, packet), packet::ParseError::kNone);
    return stream.Add(packet);
  }
  static std::string Text(const HeldStream& stream) { return {stream.bytes().begin(), stream.bytes().end()}; }

  HoldBudget budget_;
};

TEST_F(HeldStreamTest, TakesSegmentsInSequence) {
  HeldStream stream(100, budget_);
  EXPECT_EQ(Add(stream, 100, "abc"), Added::kSomething);
  EXPECT_EQ(Add(stream, 104, "e"), Added::kNothing);
  EXPECT_EQ(Add(stream, 103, "de"), Added::kSomething);
  EXPECT_EQ(Add(stream, 100, "xyz"), Added::kNothing);
  EXPECT_EQ(Add(stream, 99, "wxyz"), Added::kNothing);
  EXPECT_EQ(Text(stream), "abcde");
  EXPECT_EQ(stream.next(), 105u);
  EXPECT_FALSE(stream.finished());
}

TEST_F(HeldStreamTest, WhatCameFirstStays) {
  HeldStream stream(100, budget_);
  Add(stream, 100, "abc");
  EXPECT_EQ(Add(stream, 98, "vwxyzde"), Added::kSomething);
  EXPECT_EQ(Text(stream), "abcde");
}

TEST_F(HeldStreamTest, SequenceNumbersWrap) {
  HeldStream stream(0xffff'fffe, budget_);
  EXPECT_EQ(Add(stream, 0xffff'fffe, "abc"), Added::kSomething);
  EXPECT_EQ(Add(stream, 1, "d"), Added::kSomething);
  EXPECT_EQ(Text(stream), "abcd");
  EXPECT_EQ(Add(stream, 0x8000'0000, "x"), Added::kNothing);
}

TEST_F(HeldStreamTest, NothingFollowsAFin) {
  HeldStream stream(100, budget_);
  EXPECT_EQ(Add(stream, 101, "", packet::kAck | packet::kFin), Added::kNothing);
  EXPECT_EQ(Add(stream, 100, "a", packet::kAck | packet::kFin), Added::kSomething);
  EXPECT_TRUE(stream.finished());
  EXPECT_EQ(stream.next(), 102u);
  EXPECT_EQ(Add(stream, 101, "b"), Added::kNothing);
  EXPECT_EQ(Text(stream), "a");
}

TEST_F(HeldStreamTest, SegmentsAreBounded) {
  HeldStream stream(0, budget_);
  for (uint32_t i = 0; i < HeldStream::kMaxSegments; ++i) ASSERT_EQ(Add(stream, i, "x"), Added::kSomething);
  EXPECT_EQ(Add(stream, HeldStream::kMaxSegments, "x"), Added::kNoRoom);
}

TEST_F(HeldStreamTest, AllStreamsTogetherAreBounded) {
  const std::string large(60'000, 'x');
  {
    HeldStream stream(0, budget_);
    uint32_t at = 0;
    while (Add(stream, at, large) == Added::kSomething) at += static_cast<uint32_t>(large.size());
    EXPECT_EQ(budget_.bytes, at);
    EXPECT_GT(budget_.bytes + large.size(), HoldBudget::kMaxBytes);
    HeldStream other(0, budget_);
    EXPECT_EQ(Add(other, 0, large), Added::kNoRoom);
  }
  EXPECT_EQ(budget_.bytes, 0u);
}

}  // namespace
}  // namespace sluice::flow
