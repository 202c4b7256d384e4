#include "netsvc/flow/tcp_tracker.h"

#include <array>
#include <cstdint>

#include "gtest/gtest.h"

namespace sluice::flow {
namespace {

using packet::kAck;
using packet::kFin;
using packet::kRst;
using packet::kSyn;
using State = TcpTracker::State;

constexpr uint32_t kGuestIss = 0xffff'fffe;  // wraps within the first bytes
constexpr uint32_t kRemoteIss = 5000;

struct Segment {
  uint8_t flags = kAck;
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  size_t payload = 0;
};

class TcpTrackerTest : public testing::Test {
 protected:
  void Guest(const Segment& segment) { tracker_.OnGuestSegment(Make(segment)); }
  void Remote(const Segment& segment) { tracker_.OnRemoteSegment(Make(segment)); }

  void Establish() {
    Guest({.flags = kSyn, .sequence = kGuestIss});
    Remote({.flags = kSyn | kAck, .sequence = kRemoteIss, .acknowledgment = kGuestIss + 1});
    Guest({.sequence = kGuestIss + 1, .acknowledgment = kRemoteIss + 1});
  }

  TcpTracker tracker_;

 private:
  packet::Packet Make(const Segment& segment) {
    packet::Packet packet;
    packet.protocol = packet::kTcp;
    packet.frame = std::span(bytes_).first(segment.payload);
    packet.tcp_flags = segment.flags;
    packet.sequence = segment.sequence;
    packet.acknowledgment = segment.acknowledgment;
    return packet;
  }

  std::array<uint8_t, 4096> bytes_ = {};
};

TEST_F(TcpTrackerTest, IsOpeningUntilBothSidesHaveAcknowledged) {
  Guest({.flags = kSyn, .sequence = kGuestIss});
  EXPECT_EQ(tracker_.state(), State::kOpening);
  Remote({.flags = kSyn | kAck, .sequence = kRemoteIss, .acknowledgment = kGuestIss + 1});
  EXPECT_EQ(tracker_.state(), State::kOpening);
  Guest({.sequence = kGuestIss + 1, .acknowledgment = kRemoteIss + 1});
  EXPECT_EQ(tracker_.state(), State::kEstablished);
}

TEST_F(TcpTrackerTest, KnowsWhatEachSideExpectsNextAcrossTheWrap) {
  Establish();
  Guest({.sequence = kGuestIss + 1, .acknowledgment = kRemoteIss + 1, .payload = 100});
  // Not acknowledged yet: the remote still expects its first byte.
  EXPECT_EQ(tracker_.next_from_guest(), kGuestIss + 1);
  Remote({.sequence = kRemoteIss + 1, .acknowledgment = kGuestIss + 101, .payload = 50});
  EXPECT_EQ(tracker_.next_from_guest(), kGuestIss + 101);
  EXPECT_EQ(tracker_.next_from_remote(), kRemoteIss + 1);
}

TEST_F(TcpTrackerTest, OldAcknowledgmentsDoNotTurnItBack) {
  Establish();
  Guest({.sequence = kGuestIss + 1, .acknowledgment = kRemoteIss + 1, .payload = 100});
  Remote({.sequence = kRemoteIss + 1, .acknowledgment = kGuestIss + 101});
  Remote({.sequence = kRemoteIss + 1, .acknowledgment = kGuestIss + 1});
  EXPECT_EQ(tracker_.next_from_guest(), kGuestIss + 101);
}

TEST_F(TcpTrackerTest, IsHalfClosedAfterOneFinAndFinishedWhenBothAreAcknowledged) {
  Establish();
  Guest({.flags = kFin | kAck, .sequence = kGuestIss + 1, .acknowledgment = kRemoteIss + 1});
  EXPECT_EQ(tracker_.state(), State::kHalfClosed);
  Remote({.sequence = kRemoteIss + 1, .acknowledgment = kGuestIss + 2, .payload = 1000});
  EXPECT_EQ(tracker_.state(), State::kHalfClosed);
  Remote({.flags = kFin | kAck, .sequence = kRemoteIss + 1001, .acknowledgment = kGuestIss + 2});
  EXPECT_EQ(tracker_.state(), State::kHalfClosed);
  Guest({.sequence = kGuestIss + 2, .acknowledgment = kRemoteIss + 1001});  // all but the FIN
  EXPECT_EQ(tracker_.state(), State::kHalfClosed);
  Guest({.sequence = kGuestIss + 2, .acknowledgment = kRemoteIss + 1002});
  EXPECT_EQ(tracker_.state(), State::kFinished);
  EXPECT_TRUE(tracker_.over());
}

TEST_F(TcpTrackerTest, FinishesAfterASimultaneousClose) {
  Establish();
  Guest({.flags = kFin | kAck, .sequence = kGuestIss + 1, .acknowledgment = kRemoteIss + 1});
  Remote({.flags = kFin | kAck, .sequence = kRemoteIss + 1, .acknowledgment = kGuestIss + 1});
  EXPECT_EQ(tracker_.state(), State::kHalfClosed);
  Guest({.sequence = kGuestIss + 2, .acknowledgment = kRemoteIss + 2});
  Remote({.sequence = kRemoteIss + 2, .acknowledgment = kGuestIss + 2});
  EXPECT_EQ(tracker_.state(), State::kFinished);
}

TEST_F(TcpTrackerTest, TellsWhoReset) {
  Establish();
  Remote({.flags = kRst, .sequence = kRemoteIss + 1});
  EXPECT_EQ(tracker_.state(), State::kReset);
  EXPECT_FALSE(tracker_.reset_by_guest());
  Guest({.flags = kRst, .sequence = kGuestIss + 1});
  EXPECT_TRUE(tracker_.reset_by_guest());
}

}  // namespace
}  // namespace sluice::flow
