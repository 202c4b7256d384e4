// Flows judged by the names that the sandbox resolved to their addresses.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/dns/test_message.h"
#include "netsvc/worker/gateway_fixture.h"

namespace sluice {
namespace {

using packet::kRst;
using packet::kSyn;
using testing::ElementsAre;
using testing::IsEmpty;

const Endpoint kWeb = *Endpoint::Parse("93.184.216.34:443");
const Endpoint kOther = *Endpoint::Parse("93.184.216.35:443");
const Endpoint kPeer = *Endpoint::Parse("198.35.26.96:5000");
constexpr char kAllowA[] = R"(preset: PRESET_ALLOWLIST rules { id: "a" action: ACTION_ALLOW peers { domain: "a.test" } })";

DomainName Name(const std::string& text) { return DomainName::FromText(text).value(); }

class GatewayNamesTest : public GatewayFixture {
 protected:
  explicit GatewayNamesTest(const std::string& dns_config = "") : GatewayFixture(dns_config) { SetPolicy(kAllowA); }

  void Bind(const std::string& name, const Endpoint& remote) {
    bindings_.Bind(Name(name), std::vector{remote.address}, absl::ZeroDuration());
  }

  // Opens a flow from a port of its own; true where the host stack gets it, and
  // false where the guest is reset.
  bool Opens(const Endpoint& remote) {
    const size_t before = stack_.frames.size();
    GuestSendsTcp(remote, {.sequence = 1000, .flags = kSyn}, ++port_);
    if (stack_.frames.size() > before) return true;
    EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
    return false;
  }

  // What the upstream says to the oldest question that waits.
  void Answer(const std::string& name, const std::string& address) {
    dns::TestAnswer answer(name, dns::kTypeA);
    if (!address.empty()) answer.Address(name, address);
    upstream_.Answer(answer.bytes());
    loop_.Advance(absl::ZeroDuration());
  }

  v1::Verdict LastVerdict() { return LastFlowEvent().verdict(); }

  uint16_t port_ = 10'000;
};

TEST_F(GatewayNamesTest, AnAddressIsAllowedOnceANameOfTheRuleLedThere) {
  EXPECT_FALSE(Opens(kWeb));
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_DEFAULT);
  Bind("a.test", kWeb);
  EXPECT_TRUE(Opens(kWeb));
  const v1::FlowEvent opened = LastFlowEvent();
  EXPECT_EQ(opened.verdict().rule_id(), "a");
  EXPECT_THAT(opened.domains(), ElementsAre("a.test"));
  // Neither does it open another address, nor another name this one.
  EXPECT_FALSE(Opens(kOther));
  Bind("b.test", kOther);
  EXPECT_FALSE(Opens(kOther));
  EXPECT_THAT(LastFlowEvent().domains(), ElementsAre("b.test"));
}

TEST_F(GatewayNamesTest, ANameBesideADeniedOneIsJudgedInRuleOrder) {
  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY
               rules { id: "no-b" action: ACTION_DENY peers { domain: "b.test" } ports { first: 443 } })");
  EXPECT_TRUE(Opens(kWeb));
  Bind("b.test", kWeb);
  EXPECT_FALSE(Opens(kWeb));
  EXPECT_EQ(LastVerdict().rule_id(), "no-b");
  EXPECT_TRUE(Opens(*Endpoint::Parse("93.184.216.34:80")));
}

TEST_F(GatewayNamesTest, AStaleAddressIsResolvedAgainWhileItsPacketWaits) {
  Bind("a.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  EXPECT_THAT(stack_.frames, IsEmpty());
  EXPECT_THAT(to_guest_, IsEmpty());
  EXPECT_THAT(upstream_.asked(), ElementsAre("a.test A"));
  // The guest's SYN, sent again, neither asks again nor goes twice.
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  Answer("a.test", "93.184.216.34");
  EXPECT_EQ(upstream_.asked().size(), 1u);
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().destination_endpoint(), kWeb);
  EXPECT_EQ(LastFlowEvent().phase(), v1::FlowEvent::PHASE_OPENED);
  EXPECT_THAT(LastFlowEvent().domains(), ElementsAre("a.test"));
}

TEST_F(GatewayNamesTest, ANameThatMovedAwayStopsMatching) {
  Bind("a.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  Answer("a.test", "93.184.216.35");
  EXPECT_THAT(stack_.frames, IsEmpty());
  EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_DEFAULT);
  EXPECT_TRUE(Opens(kOther));
  // It is not asked for again either.
  EXPECT_FALSE(Opens(kWeb));
  EXPECT_EQ(upstream_.asked().size(), 1u);
}

TEST_F(GatewayNamesTest, ANameThatLeadsNowhereAnyMoreStopsMatching) {
  Bind("a.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  GuestSendsUdp(kWeb);
  Answer("a.test", "");
  EXPECT_THAT(stack_.frames, IsEmpty());
  EXPECT_EQ(LastToGuest().protocol, packet::kIcmp);
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_DEFAULT);
}

TEST_F(GatewayNamesTest, WhereNoResolverAnswersTheFlowIsDenied) {
  Bind("a.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  upstream_.Answer(absl::UnavailableError("refused"));
  loop_.Advance(absl::ZeroDuration());
  EXPECT_THAT(stack_.frames, IsEmpty());
  EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_RESOLUTION_FAILED);
  EXPECT_THAT(LastFlowEvent().domains(), ElementsAre("a.test"));
}

TEST_F(GatewayNamesTest, NoPacketWaitsForLongerThanTwoSeconds) {
  Bind("a.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  loop_.Advance(absl::Seconds(2) - absl::Milliseconds(1));
  EXPECT_THAT(to_guest_, IsEmpty());
  loop_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_RESOLUTION_FAILED);
  // The late answer serves the next one.
  Answer("a.test", "93.184.216.34");
  EXPECT_TRUE(Opens(kWeb));
}

TEST_F(GatewayNamesTest, AStaleNameThatDecidesNothingIsNotAskedFor) {
  Bind("a.test", kWeb);
  Bind("b.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  EXPECT_TRUE(Opens(kWeb));
  SetPolicy(kAllowA);
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  EXPECT_THAT(upstream_.asked(), ElementsAre("a.test A"));
}

TEST_F(GatewayNamesTest, WaitingPacketsAreBounded) {
  Bind("a.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  for (size_t i = 0; i < HeldPackets::kMaxPackets; ++i) GuestSendsUdp(kWeb, static_cast<uint16_t>(20'000 + i));
  EXPECT_THAT(to_guest_, IsEmpty());
  GuestSendsUdp(kWeb, 30'000);
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_LIMIT);
  EXPECT_EQ(upstream_.asked().size(), 1u);
}

TEST_F(GatewayNamesTest, AFlowOutlivesTheTimeOfItsName) {
  Bind("a.test", kWeb);
  EXPECT_TRUE(Opens(kWeb));
  loop_.Advance(absl::Minutes(1));
  // Another policy that allows the name leaves it alone.
  SetPolicy(R"(preset: PRESET_ALLOWLIST rules { id: "all-a" action: ACTION_ALLOW peers { domain: "*.a.test" } })");
  EXPECT_EQ(gateway_->OnPolicyChanged(), 0u);
  SetPolicy(R"(preset: PRESET_ALLOWLIST rules { id: "b" action: ACTION_ALLOW peers { domain: "b.test" } })");
  EXPECT_EQ(gateway_->OnPolicyChanged(), 1u);
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_POLICY_CHANGED);
  EXPECT_THAT(LastFlowEvent().domains(), ElementsAre("a.test"));
}

// Other settings of DNS, and flows that were open before.
class GatewayDnsChangeTest : public GatewayNamesTest {
 protected:
  void ChangeDns(const std::string& config) {
    SetDns(config);
    gateway_->OnNamesChanged();
    loop_.RunUntilIdle();  // what is reset, is
  }

  void ExpectEnded(v1::Verdict::Reason reason) {
    const v1::FlowEvent event = LastFlowEvent();
    EXPECT_EQ(event.phase(), v1::FlowEvent::PHASE_CLOSED);
    EXPECT_EQ(event.end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
    EXPECT_EQ(event.verdict().reason(), reason);
    EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
    EXPECT_EQ(flows_.open_count(), 0u);
  }
};

TEST_F(GatewayDnsChangeTest, ANameThatIsBlockedNowEndsItsFlows) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  Bind("a.test", kWeb);
  EXPECT_TRUE(Opens(kWeb));
  EXPECT_TRUE(Opens(kOther));
  ChangeDns("blocked_domains: 'b.test'");
  EXPECT_EQ(flows_.open_count(), 2u);
  ChangeDns("blocked_domains: 'a.test'");
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_DNS_BLOCKED);
  EXPECT_THAT(LastFlowEvent().domains(), ElementsAre("a.test"));
  EXPECT_EQ(flows_.open_count(), 1u) << "of the other nobody knows a name";
}

TEST_F(GatewayDnsChangeTest, AnotherNameOfTheAddressKeepsAFlowWhereItAllowsIt) {
  Bind("a.test", kWeb);
  Bind("b.test", kWeb);
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  EXPECT_TRUE(Opens(kWeb));
  ChangeDns("blocked_domains: 'a.test'");
  EXPECT_EQ(flows_.open_count(), 1u);
  ChangeDns("blocked_domains: '*.test'");
  ExpectEnded(v1::Verdict::REASON_DNS_BLOCKED);
}

TEST_F(GatewayDnsChangeTest, AFlowThatNeedsTheBlockedNameEnds) {
  SetPolicy(R"(preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: "a.test" } }
               rules { action: ACTION_ALLOW peers { domain: "b.test" } ports { first: 80 } })");
  Bind("a.test", kWeb);
  Bind("b.test", kWeb);
  EXPECT_TRUE(Opens(kWeb));
  ChangeDns("blocked_domains: 'b.test'");
  EXPECT_EQ(flows_.open_count(), 1u);
  ChangeDns("blocked_domains: 'a.test'");
  ExpectEnded(v1::Verdict::REASON_DNS_BLOCKED);
}

TEST_F(GatewayDnsChangeTest, ANameThatMayNotLeadThereAnyMoreEndsItsFlows) {
  const Endpoint internal = *Endpoint::Parse("10.1.2.3:443");
  ChangeDns("rebinding_protection: false");
  Bind("a.test", internal);
  EXPECT_TRUE(Opens(internal));
  ChangeDns("rebinding_exempt_domains: 'a.test'");
  EXPECT_EQ(flows_.open_count(), 1u);
  ChangeDns("");
  ExpectEnded(v1::Verdict::REASON_DNS_REBINDING);
  EXPECT_FALSE(Opens(internal)) << "the pair is forgotten";
}

TEST_F(GatewayDnsChangeTest, TheGatewaysOwnNameLeadsToItWhateverIsSet) {
  SetPolicy(R"(preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: "host.sluice.internal" } })");
  const Endpoint gateway{subnet_.ipv4.gateway, 8080};
  Bind("host.sluice.internal", gateway);
  EXPECT_TRUE(Opens(gateway));
  ChangeDns("rebinding_protection: true");
  EXPECT_EQ(flows_.open_count(), 1u);
  EXPECT_TRUE(Opens(gateway));
}

TEST_F(GatewayDnsChangeTest, WhereNamesAreRequiredNowFlowsWithoutOneEnd) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  Bind("a.test", kWeb);
  EXPECT_TRUE(Opens(kWeb));
  EXPECT_TRUE(Opens(kOther));
  flow_judge_->SetRequireResolved(true);
  gateway_->OnNamesChanged();
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_NOT_RESOLVED);
  EXPECT_EQ(flows_.open_count(), 1u);
}

class RequireResolvedTest : public GatewayNamesTest {
 protected:
  RequireResolvedTest() : GatewayNamesTest("require_resolved_addresses: true") {}
};

TEST_F(RequireResolvedTest, ALiveNameIsAConditionUnlessTheAddressItselfIsAllowed) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  EXPECT_FALSE(Opens(kWeb));
  EXPECT_EQ(LastVerdict().reason(), v1::Verdict::REASON_NOT_RESOLVED);
  Bind("any.test", kWeb);
  EXPECT_TRUE(Opens(kWeb));
  EXPECT_FALSE(Opens(kOther));
  // "Anything" speaks of no address.
  SetPolicy("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW }");
  EXPECT_FALSE(Opens(kOther));
  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: "93.184.216.0/24" } })");
  EXPECT_TRUE(Opens(kOther));
  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY
               rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PUBLIC } ports { first: 443 } })");
  EXPECT_TRUE(Opens(kOther));
  EXPECT_FALSE(Opens(kPeer));
}

TEST_F(RequireResolvedTest, AStaleNameIsResolvedAgain) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  Bind("any.test", kWeb);
  loop_.Advance(absl::Minutes(5));
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  EXPECT_THAT(stack_.frames, IsEmpty());
  Answer("any.test", "93.184.216.34");
  EXPECT_EQ(stack_.frames.size(), 1u);
}

}  // namespace
}  // namespace sluice
