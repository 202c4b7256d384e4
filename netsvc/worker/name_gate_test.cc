// Flows held to the names that their first bytes bear: the real gateway, with a
// guest's segments made by hand.

#include "netsvc/worker/name_gate.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/worker/name_gate_fixture.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using NameGateTest = NameGateFixture;

TEST_F(NameGateTest, AFlowThatBearsItsOwnNameGoesOnAsItIs) {
  Connect();
  Data(Hello("a.test"));
  ExpectPassed(Hello("a.test"));
  EXPECT_THAT(to_guest_, IsEmpty());
  // And is not looked at any more.
  const Bytes later = Request("b.test");
  Data(later, static_cast<uint32_t>(Hello("a.test").size()));
  ExpectPassed(flow::Joined({Hello("a.test"), later}));
}

TEST_F(NameGateTest, AnotherNameEndsIt) {
  Connect();
  Data(Hello("b.test"));
  ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);
  EXPECT_EQ(LastFlowEvent().server_name(), "b.test");
  EXPECT_THAT(LastFlowEvent().domains(), ElementsAre("a.test"));
  Connect();
  Data(Request("b.test"));
  ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);
}

TEST_F(NameGateTest, AnAllowedNameThatNeverLedThereEndsIt) {
  SetPolicy(R"(preset: PRESET_ALLOWLIST
               rules { action: ACTION_ALLOW peers { domain: "a.test" } peers { domain: "c.test" } })");
  Connect();
  Data(Hello("c.test"));
  ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);
  Bind("c.test");
  Connect();
  Data(Hello("c.test"));
  ExpectPassed(Hello("c.test"));
}

TEST_F(NameGateTest, NoNameWhereOneIsDueEndsAFlowThatANameAllowed) {
  const std::vector<Bytes> nameless = {Hello(""), AsBytes("GET / HTTP/1.0\r\n\r\n"),
                                       AsBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")};
  for (const Bytes& stream : nameless) {
    SCOPED_TRACE(Text(stream));
    SetPolicy(kAllowA);
    Connect();
    Data(stream);
    ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);
    // Not one that the address allows.
    SetPolicy(kDenyB);
    Connect();
    Data(stream);
    ExpectPassed(stream);
  }
}

TEST_F(NameGateTest, OtherProtocolsGoByTheirAddress) {
  Connect();
  const Bytes ssh = AsBytes("SSH-2.0-OpenSSH_9.2\r\n");
  Data(ssh);
  ExpectPassed(ssh);
  EXPECT_EQ(LastFlowEvent().server_name(), "");
}

TEST_F(NameGateTest, ADeniedNameEndsAFlowThatItsAddressAllowed) {
  SetPolicy(kDenyB);
  Connect();
  Data(Hello("x.b.test"));
  ExpectEnded(v1::Verdict::REASON_RULE);
  EXPECT_EQ(LastFlowEvent().verdict().rule_id(), "no-b");
  EXPECT_EQ(LastFlowEvent().server_name(), "x.b.test");
  Connect();
  Data(Hello("evil-b.test"));
  ExpectPassed(Hello("evil-b.test"));
}

TEST_F(NameGateTest, AHelloInManySegmentsIsPutTogether) {
  Connect();
  const Bytes hello = Hello("a.test");
  for (uint32_t i = 0; i + 1 < hello.size(); ++i) Data({hello[i]}, i);
  EXPECT_EQ(Forwarded(), "");
  Data({hello.back()}, static_cast<uint32_t>(hello.size() - 1));
  ExpectPassed(hello);
  EXPECT_EQ(gateway_->name_gate().held_bytes(), 0u);

  Connect();
  const Bytes other = Hello("b.test");
  for (uint32_t i = 0; i < other.size(); ++i) Data({other[i]}, i);
  EXPECT_EQ(Forwarded(), "");
  EXPECT_TRUE(stack_.aborted.contains(kSocket));
}

TEST_F(NameGateTest, WhatIsHeldIsAcknowledgedSoThatTheGuestGoesOn) {
  Connect();
  const Bytes hello = Hello("a.test");
  Data({hello.begin(), hello.begin() + 100});
  packet::Packet acknowledgment = LastToGuest();
  EXPECT_EQ(acknowledgment.tcp_flags, kAck);
  EXPECT_EQ(acknowledgment.sequence, kRemoteStart);
  EXPECT_EQ(acknowledgment.acknowledgment, kGuestStart + 100);
  EXPECT_EQ(acknowledgment.source_endpoint(), kRemote);
  Data({hello.begin() + 100, hello.end()}, 100);
  ExpectPassed(hello);
}

TEST_F(NameGateTest, WhatTheGuestAcknowledgesWithHeldDataReachesTheStack) {
  Connect();
  StackSends(ToGuestFrom(kRemote, port_), {.sequence = kRemoteStart, .acknowledgment = kGuestStart, .flags = kAck});
  Guest(kAck, kGuestStart, AsBytes("GET /"), kRemoteStart + 20);
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().acknowledgment, kRemoteStart + 20);
  EXPECT_EQ(stack_.last().sequence, kGuestStart);
  EXPECT_TRUE(stack_.last().payload().empty());
}

TEST_F(NameGateTest, SegmentsOutOfOrderAreLeftToComeAgain) {
  Connect();
  const Bytes hello = Hello("a.test");
  const Bytes head(hello.begin(), hello.begin() + 50), tail(hello.begin() + 50, hello.end());
  Data(tail, 50);
  EXPECT_EQ(LastToGuest().acknowledgment, kGuestStart);
  Data(head);
  EXPECT_EQ(LastToGuest().acknowledgment, kGuestStart + 50);
  EXPECT_EQ(Forwarded(), "");
  Data(tail, 50);
  ExpectPassed(hello);
}

TEST_F(NameGateTest, OfSegmentsThatOverlapTheFirstBytesStay) {
  Connect();
  const Bytes hello = Hello("a.test");
  Data({hello.begin(), hello.begin() + 60});
  // Says otherwise of bytes 40 to 60, and goes on.
  Bytes overlapping(20, 0xff);
  overlapping.insert(overlapping.end(), hello.begin() + 60, hello.end());
  Data(overlapping, 40);
  ExpectPassed(hello);

  // The same for what was inspected and sent on: nothing can take its place.
  Connect();
  Data({hello.begin(), hello.begin() + 60});
  Data({hello.begin(), hello.begin() + 30}, 20);
  EXPECT_EQ(LastToGuest().acknowledgment, kGuestStart + 60);
}

TEST_F(NameGateTest, DataInASynDoesNotLeave) {
  ++port_;
  Guest(kSyn, kGuestStart - 1, Hello("b.test"), 0);
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().tcp_flags, kSyn);
  EXPECT_TRUE(stack_.last().payload().empty());
  EXPECT_TRUE(packet::ChecksumsAreRight(stack_.frames.back()));
  // Nor does what comes before the remote has answered.
  Data(Hello("a.test"));
  EXPECT_EQ(Forwarded(), "");
}

TEST_F(NameGateTest, AFinDecides) {
  Connect();
  const Bytes start = AsBytes("GET / HT");
  Data(start);
  Guest(kAck | kFin, kGuestStart + static_cast<uint32_t>(start.size()), {});
  ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);

  // With the last of a name's bytes it goes on, after them.
  Connect();
  const Bytes request = Request("a.test");
  Data({request.begin(), request.begin() + 10});
  Guest(kAck | kFin, kGuestStart + 10, {request.begin() + 10, request.end()});
  ExpectPassed(request);
  EXPECT_TRUE(stack_.last().tcp_flags & kFin);

  // Without any byte there is nothing to hold against it.
  Connect();
  Guest(kAck | kFin, kGuestStart, {});
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_TRUE(stack_.last().tcp_flags & kFin);
}

TEST_F(NameGateTest, ALineWithoutItsEndGoesOnWhenTheGuestPauses) {
  Connect();
  Data(AsBytes("ping"));
  loop_.Advance(NameGate::kPause - absl::Milliseconds(1));
  EXPECT_EQ(Forwarded(), "");
  loop_.Advance(absl::Milliseconds(1));
  ExpectPassed(AsBytes("ping"));
  // It is still looked at.
  Data(AsBytes(" / HTTP/1.1\r\nHost: b.test\r\n\r\n"), 4);
  ExpectPassed(AsBytes("ping"));
  EXPECT_TRUE(stack_.aborted.contains(kSocket));
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_NAME_MISMATCH);

  Connect();
  Data(AsBytes("GET"));
  loop_.Advance(NameGate::kPause);
  const Bytes request = Request("a.test");
  Data({request.begin() + 3, request.end()}, 3);
  ExpectPassed(request);
}

TEST_F(NameGateTest, WhatMayBearANameDoesNotGoOnHoweverLongTheGuestPauses) {
  const Bytes hello = Hello("a.test");
  for (const Bytes& start : {Bytes(hello.begin(), hello.end() - 1), AsBytes("GET / HTTP/1.1\r\nHost: a.test\r\n")}) {
    Connect();
    Data(start);
    loop_.Advance(absl::Minutes(1));
    EXPECT_EQ(Forwarded(), "");
  }
}

TEST_F(NameGateTest, WhatTheServerSaysFirstIsNotDelayed) {
  Connect();
  StackSends(ToGuestFrom(kRemote, port_), {.sequence = kRemoteStart, .acknowledgment = kGuestStart, .flags = kAck | kPsh});
  ASSERT_EQ(to_guest_.size(), 1u);
  Guest(kAck, kGuestStart, {}, kRemoteStart + 1);
  EXPECT_EQ(stack_.frames.size(), 1u);
}

TEST_F(NameGateTest, AHelloThatDoesNotEndIsUnreadable) {
  Connect();
  const Bytes start = AsBytes("GET / HTTP/1.1\r\n");
  const Bytes line = AsBytes("X-Padding: " + std::string(1000, 'x') + "\r\n");
  Data(start);
  for (uint32_t at = static_cast<uint32_t>(start.size()); flows_.open_count() > 0; at += static_cast<uint32_t>(line.size())) {
    ASSERT_LT(at, 20'000u);
    Data(line, at);
  }
  ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);
}

TEST_F(NameGateTest, WhatAllFlowsHoldIsBounded) {
  const Bytes part = AsBytes("GET / HTTP/1.1\r\nX: " + std::string(1400, 'x'));
  SetPolicy(kDenyB);
  size_t held = 0;
  while (held + 11 * part.size() <= flow::HoldBudget::kMaxBytes && flows_.open_count() < 99) {
    Connect();
    for (uint32_t i = 0; i < 11; ++i) Data(part, i * static_cast<uint32_t>(part.size()));
    held += 11 * part.size();
  }
  EXPECT_EQ(gateway_->name_gate().held_bytes(), held);
  EXPECT_EQ(Forwarded(), "");
  gateway_->EndAllFlows({v1::ACTION_DENY, v1::Verdict::REASON_POLICY_CHANGED, policy::kDefaultRuleId});
  EXPECT_EQ(gateway_->name_gate().held_bytes(), 0u);
}

TEST_F(NameGateTest, AChangedPolicyHoldsFlowsThatHaveSentNothing) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  Connect();
  SetPolicy(kAllowA);
  EXPECT_EQ(gateway_->OnPolicyChanged(), 0u);
  Data(Hello("b.test"));
  ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);
}

TEST_F(NameGateTest, AnOpenFlowIsJudgedAgainByTheNameThatItBears) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { domain: \"b.test\" } }");
  Bind("b.test");
  Connect();
  Data(Hello("b.test"));
  ExpectPassed(Hello("b.test"));
  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { domain: "a.test" } })");
  EXPECT_EQ(gateway_->OnPolicyChanged(), 0u);
  SetPolicy(kDenyB);
  EXPECT_EQ(gateway_->OnPolicyChanged(), 1u);
  EXPECT_EQ(LastFlowEvent().server_name(), "b.test");
}

TEST_F(NameGateTest, WhereNoNamesAreEnforcedNothingIsHeld) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  Connect();
  Data(AsBytes("GET"));
  ExpectPassed(AsBytes("GET"));
  EXPECT_THAT(to_guest_, IsEmpty());
}

class BlockListTest : public NameGateTest {
 protected:
  BlockListTest() : NameGateTest("blocked_domains: '*.blocked.test'") { SetPolicy("preset: PRESET_PUBLIC_ONLY"); }
};

TEST_F(BlockListTest, ABlockedNameEndsAFlowToWhateverAddress) {
  for (const Bytes& stream : {Hello("x.blocked.test"), Request("BLOCKED.test."),
                              AsBytes("CONNECT blocked.test:443 HTTP/1.1\r\nHost: blocked.test:443\r\n\r\n")}) {
    SCOPED_TRACE(Text(stream));
    Connect();
    Data(stream);
    ExpectEnded(v1::Verdict::REASON_DNS_BLOCKED);
  }
  // It is no way round the list to be hard to read.
  Connect();
  Data(AsBytes("CONNECT blocked.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  ExpectEnded(v1::Verdict::REASON_NAME_MISMATCH);
  Connect();
  Data(Request("unblocked.test"));
  ExpectPassed(Request("unblocked.test"));
}

TEST_F(BlockListTest, AChangedListJudgesOpenFlowsByTheNameThatTheyBear) {
  Connect();
  Data(Hello("later.test"));
  ExpectPassed(Hello("later.test"));
  SetDns("blocked_domains: 'other.test'");
  gateway_->OnNamesChanged();
  EXPECT_EQ(flows_.open_count(), 1u);
  SetDns("blocked_domains: 'later.test'");
  gateway_->OnNamesChanged();
  EXPECT_EQ(flows_.open_count(), 0u);
  EXPECT_EQ(LastFlowEvent().server_name(), "later.test");
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_DNS_BLOCKED);
}

TEST_F(BlockListTest, AListThatIsNewHoldsFlowsThatHaveSentNothing) {
  SetDns("");
  Connect();
  SetDns("blocked_domains: 'later.test'");
  gateway_->OnNamesChanged();
  Data(Hello("later.test"));
  ExpectEnded(v1::Verdict::REASON_DNS_BLOCKED);
}

}  // namespace
}  // namespace sluice
