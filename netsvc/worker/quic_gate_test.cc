// QUIC held to names, as TCP is: see name_gate_test.cc.

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/flow/test_quic.h"
#include "netsvc/worker/name_gate_fixture.h"

namespace sluice {
namespace {

using testing::IsEmpty;

// A QUIC client's first datagram, whole.
Bytes Initial(const std::string& name, uint8_t connection = 1) {
  flow::InitialPacket initial;
  initial.destination_id = Bytes(8, connection);
  initial.frames = flow::CryptoFrame(0, flow::RealHandshake({.server_name = name}));
  return flow::Seal(initial);
}

class QuicGateTest : public NameGateFixture {
 protected:
  void Datagram(const Bytes& payload) {
    Bytes frame = packet::UdpFrame(FromGuestTo(kRemote, port_), payload);
    GuestSends(frame);
  }
  void ExpectRefused(v1::Verdict::Reason reason) {
    EXPECT_THAT(stack_.frames, IsEmpty());
    EXPECT_EQ(LastToGuest().protocol, packet::kIcmp);
    EXPECT_EQ(LastFlowEvent().end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
    EXPECT_EQ(LastFlowEvent().verdict().reason(), reason);
    EXPECT_EQ(flows_.open_count(), 0u);
    EXPECT_EQ(gateway_->name_gate().held_bytes(), 0u);
  }
};

TEST_F(QuicGateTest, AConnectionThatBearsItsOwnNameGoesOn) {
  Datagram(Initial("a.test"));
  EXPECT_EQ(stack_.frames.size(), 1u);
  // What is no hello belongs to a connection that was let through.
  Datagram(Bytes(40, 0x40));
  EXPECT_EQ(stack_.frames.size(), 2u);
}

TEST_F(QuicGateTest, AnotherNameEndsTheFlowNowAndLater) {
  Datagram(Initial("b.test"));
  ExpectRefused(v1::Verdict::REASON_NAME_MISMATCH);
  EXPECT_EQ(LastFlowEvent().server_name(), "b.test");
  ++port_;
  Datagram(Initial("a.test"));
  EXPECT_EQ(stack_.frames.size(), 1u);
  stack_.frames.clear();
  Datagram(Initial("b.test", /*connection=*/2));
  ExpectRefused(v1::Verdict::REASON_NAME_MISMATCH);
}

TEST_F(QuicGateTest, ADeniedNameEndsAFlowThatItsAddressAllowed) {
  SetPolicy(kDenyB);
  Datagram(Initial("x.b.test"));
  ExpectRefused(v1::Verdict::REASON_RULE);
  Datagram(Initial("c.test"));
  EXPECT_EQ(stack_.frames.size(), 1u);
}

TEST_F(QuicGateTest, AHelloInTwoDatagramsIsPutTogether) {
  const Bytes handshake = flow::RealHandshake({.server_name = "a.test"});
  flow::InitialPacket first, second;
  first.frames = flow::CryptoFrame(0, Bytes(handshake.begin(), handshake.begin() + 100));
  second.frames = flow::CryptoFrame(100, Bytes(handshake.begin() + 100, handshake.end()));
  second.number = 1;
  Datagram(flow::Seal(first));
  EXPECT_THAT(stack_.frames, IsEmpty());
  EXPECT_GT(gateway_->name_gate().held_bytes(), 0u);
  Datagram(flow::Seal(second));
  ASSERT_EQ(stack_.frames.size(), 2u);
  packet::Packet packet;
  packet::Parse(stack_.frames[0], packet);
  EXPECT_TRUE(std::ranges::equal(packet.payload(), flow::Seal(first)));
}

TEST_F(QuicGateTest, AnotherConnectionUnderTheSameNameGoesOnWhole) {
  Datagram(Initial("a.test"));
  const Bytes handshake = flow::RealHandshake({.server_name = "a.test"});
  flow::InitialPacket first, second;
  first.destination_id = second.destination_id = Bytes(8, 2);
  first.frames = flow::CryptoFrame(0, Bytes(handshake.begin(), handshake.begin() + 100));
  second.frames = flow::CryptoFrame(100, Bytes(handshake.begin() + 100, handshake.end()));
  second.number = 1;
  Datagram(flow::Seal(first));
  Datagram(flow::Seal(second));
  EXPECT_EQ(stack_.frames.size(), 3u);
}

TEST_F(QuicGateTest, WhatCannotBeReadIsRefusedAtOnce) {
  for (const char* policy : {kAllowA, kDenyB}) {
    SetPolicy(policy);
    Bytes broken = Initial("a.test");
    broken.back() ^= 1;
    Datagram(broken);
    ExpectRefused(v1::Verdict::REASON_NAME_MISMATCH);
    ++port_;
  }
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  Bytes broken = Initial("a.test");
  broken.back() ^= 1;
  Datagram(broken);
  EXPECT_EQ(stack_.frames.size(), 1u);
}

TEST_F(QuicGateTest, OtherPortsAreNotQuic) {
  const Endpoint other{kRemote.address, 4433};
  GuestSendsUdp(other);
  EXPECT_EQ(stack_.frames.size(), 1u);
}

}  // namespace
}  // namespace sluice
