#include "netsvc/worker/gateway.h"

#include <signal.h>
#include <sys/resource.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/packet/builder.h"
#include "netsvc/packet/headers.h"
#include "netsvc/worker/gateway_fixture.h"

namespace sluice {
namespace {

using packet::kAck;
using packet::kRst;
using packet::kSyn;
using packet::Packet;

const Endpoint kWeb = *Endpoint::Parse("93.184.216.34:80");
const Endpoint kPrivate = *Endpoint::Parse("10.1.2.3:80");
const Endpoint kPeer = *Endpoint::Parse("198.35.26.96:5000");
constexpr int kSocket = 77;

using GatewayTest = GatewayFixture;

TEST_F(GatewayTest, AnAllowedConnectionReachesTheStackAndIsTold) {
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().destination_endpoint(), kWeb);
  const v1::FlowEvent event = LastFlowEvent();
  EXPECT_EQ(event.phase(), v1::FlowEvent::PHASE_OPENED);
  EXPECT_EQ(event.remote().address(), "93.184.216.34");
  EXPECT_EQ(event.verdict().rule_id(), "preset");
  EXPECT_TRUE(to_guest_.empty());
}

TEST_F(GatewayTest, ADeniedConnectionIsResetAndNothingReachesTheStackUntilARuleAllowsIt) {
  GuestSendsTcp(kPrivate, {.sequence = 1000, .flags = kSyn});
  EXPECT_TRUE(stack_.frames.empty());
  ASSERT_EQ(to_guest_.size(), 1u);
  EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
  EXPECT_EQ(LastToGuest().source_endpoint(), kPrivate);
  EXPECT_EQ(LastToGuest().acknowledgment, 1001u);
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_DEFAULT);

  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: "10.1.2.3" } })");
  GuestSendsTcp(kPrivate, {.sequence = 1000, .flags = kSyn});
  EXPECT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(LastFlowEvent().verdict().rule_id(), "rule-0");
}

TEST_F(GatewayTest, DropIsSilent) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY deny_response: DENY_RESPONSE_DROP");
  GuestSendsTcp(kPrivate, {.sequence = 1, .flags = kSyn});
  GuestSendsUdp(kPrivate);
  EXPECT_TRUE(stack_.frames.empty());
  EXPECT_TRUE(to_guest_.empty());
}

TEST_F(GatewayTest, DeniedUdpIsAnsweredWithProhibited) {
  GuestSendsUdp(kPrivate);
  EXPECT_TRUE(stack_.frames.empty());
  const Packet answer = LastToGuest();
  EXPECT_EQ(answer.protocol, packet::kIcmp);
  EXPECT_EQ(answer.icmp_type, 3);
  EXPECT_EQ(answer.icmp_code, 13);
}

TEST_F(GatewayTest, TheHostsLoopbackIsReachedThroughTheAliasAloneWhereHostIsAllowed) {
  const Endpoint alias{subnet_.ipv4.gateway, 8080};
  GuestSendsTcp(alias, {.sequence = 1000, .flags = kSyn});
  EXPECT_TRUE(stack_.frames.empty());

  SetPolicy("preset: PRESET_ALLOW_ALL");
  GuestSendsTcp(alias, {.sequence = 1000, .flags = kSyn});
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().destination_endpoint(), *Endpoint::Parse("127.0.0.1:8080"));
  // And its answer comes from the alias.
  StackSends({subnet_.gateway_mac, subnet_.guest_mac, *Endpoint::Parse("127.0.0.1:8080"),
              {subnet_.ipv4.guest, 4242}},
             {.sequence = 7, .acknowledgment = 1001, .flags = kSyn | kAck});
  EXPECT_EQ(LastToGuest().source_endpoint(), alias);
}

TEST_F(GatewayTest, TheControlPlaneIsDeniedUnderEveryPolicy) {
  SetPolicy("preset: PRESET_ALLOW_ALL rules { action: ACTION_ALLOW }");
  for (const char* remote : {"127.0.0.1:50051", "10.0.2.2:50051", "[::1]:50051", "[::ffff:127.0.0.1]:50051"}) {
    GuestSendsTcp(*Endpoint::Parse(remote), {.sequence = 1, .flags = kSyn});
    EXPECT_TRUE(stack_.frames.empty()) << remote;
    EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_CONTROL_PLANE) << remote;
  }
  GuestSendsTcp(*Endpoint::Parse("127.0.0.1:50052"), {.sequence = 1, .flags = kSyn});
  EXPECT_EQ(stack_.frames.size(), 1u);
}

TEST_F(GatewayTest, NamesResolvedAroundTheInterceptorAreDeniedUnlessARuleOfTheCallerAllowsThem) {
  const Endpoint dns_over_tls = *Endpoint::Parse("1.1.1.1:853");
  GuestSendsTcp(dns_over_tls, {.sequence = 1, .flags = kSyn});
  EXPECT_TRUE(stack_.frames.empty());
  SetPolicy("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW ports { first: 853 } }");
  GuestSendsTcp(dns_over_tls, {.sequence = 1, .flags = kSyn});
  EXPECT_EQ(stack_.frames.size(), 1u);
}

TEST_F(GatewayTest, ASegmentOfNoFlowIsReset) {
  GuestSendsTcp(kWeb, {.sequence = 1, .acknowledgment = 55, .flags = kAck});
  EXPECT_TRUE(stack_.frames.empty());
  EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
  EXPECT_EQ(LastToGuest().sequence, 55u);
}

TEST_F(GatewayTest, AResetOfTheGuestsResetsTheRemote) {
  stack_.next_socket = kSocket;
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  EXPECT_TRUE(stack_.aborted.empty());
  GuestSendsTcp(kWeb, {.sequence = 1001, .flags = kRst});
  EXPECT_TRUE(stack_.aborted.contains(kSocket));
  EXPECT_TRUE(stack_.last().tcp_flags & kRst);
  EXPECT_EQ(LastFlowEvent().end_cause(), v1::FlowEvent::END_CAUSE_RESET_BY_GUEST);
}

TEST_F(GatewayTest, AChangedPolicyEndsTheFlowsItDeniesOnBothSides) {
  stack_.next_socket = kSocket;
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  GuestSendsUdp(kPeer);
  StackSends({subnet_.gateway_mac, subnet_.guest_mac, kWeb, {subnet_.ipv4.guest, 4242}},
             {.sequence = 500, .acknowledgment = 1001, .flags = kSyn | kAck});
  GuestSendsTcp(kWeb, {.sequence = 1001, .acknowledgment = 501, .flags = kAck});
  stack_.frames.clear();

  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { cidr: "93.184.216.34" } })");
  EXPECT_EQ(gateway_->OnPolicyChanged(), 1u);
  loop_.RunUntilIdle();
  EXPECT_TRUE(stack_.aborted.contains(kSocket));
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_TRUE(stack_.last().tcp_flags & kRst);
  EXPECT_EQ(stack_.last().sequence, 1001u);
  EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
  EXPECT_EQ(LastToGuest().sequence, 501u);
  const v1::FlowEvent event = LastFlowEvent();
  EXPECT_EQ(event.end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
  EXPECT_EQ(event.verdict().reason(), v1::Verdict::REASON_POLICY_CHANGED);
  EXPECT_EQ(event.verdict().rule_id(), "rule-0");

  // What the guest still sends meets no flow; the UDP flow goes on.
  stack_.frames.clear();
  GuestSendsTcp(kWeb, {.sequence = 1001, .acknowledgment = 501, .flags = kAck});
  EXPECT_TRUE(stack_.frames.empty());
  GuestSendsUdp(kPeer);
  EXPECT_EQ(stack_.frames.size(), 1u);
}

TEST_F(GatewayTest, DenialsOfTwoPoliciesAreNotFoldedTogether) {
  for (uint16_t port = 1; port <= 5; ++port) GuestSendsUdp(kPrivate, port);
  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { id: "lan" action: ACTION_DENY })");
  audit_->SetGeneration(7);
  for (uint16_t port = 1; port <= 3; ++port) GuestSendsUdp(kPrivate, port);
  const std::vector<v1::AuditEvent> events = Events();
  ASSERT_EQ(events.size(), 4u);
  for (const size_t i : {0, 1}) EXPECT_EQ(events[i].policy_generation(), 0u);
  for (const size_t i : {2, 3}) EXPECT_EQ(events[i].policy_generation(), 7u);
  EXPECT_EQ(events[0].flow().count() + events[1].flow().count(), 5u);
  EXPECT_EQ(events[1].flow().verdict().rule_id(), "default");
  EXPECT_EQ(events[2].flow().count() + events[3].flow().count(), 3u);
  EXPECT_EQ(events[3].flow().verdict().rule_id(), "lan");
}

TEST_F(GatewayTest, OnlyTheFlowsPeerAnswersAUdpFlow) {
  GuestSendsUdp(kPeer);
  const Endpoint guest{subnet_.ipv4.guest, 4242};
  StackSendsUdp(*Endpoint::Parse("198.35.26.97:5000"), guest);
  EXPECT_TRUE(to_guest_.empty());
  StackSendsUdp(kPeer, guest);
  EXPECT_EQ(to_guest_.size(), 1u);
}

TEST_F(GatewayTest, APublishedPortsPeerReachesTheGuestUnlessAnIngressRuleDeniesIt) {
  v1::PortMapping mapping;
  mapping.set_protocol(v1::PROTOCOL_UDP);
  mapping.set_host_address("127.0.0.1");
  mapping.set_host_port(5353);
  mapping.set_guest_port(53530);
  ASSERT_TRUE(gateway_->AddPort(mapping, UniqueFd()).ok());
  ASSERT_EQ(stack_.listeners.size(), 1u);
  const Endpoint stack_guest = stack_.listeners.begin()->second;

  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY
               rules { action: ACTION_DENY direction: DIRECTION_INGRESS peers { cidr: "198.35.26.0/24" } })");
  StackSendsUdp(kPeer, stack_guest);
  EXPECT_TRUE(to_guest_.empty());
  EXPECT_EQ(LastFlowEvent().direction(), v1::DIRECTION_INGRESS);
  EXPECT_EQ(LastFlowEvent().phase(), v1::FlowEvent::PHASE_DENIED);

  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  StackSendsUdp(kPeer, stack_guest);
  ASSERT_EQ(to_guest_.size(), 1u);
  EXPECT_EQ(LastToGuest().source_endpoint(), kPeer);
  EXPECT_EQ(LastToGuest().destination_endpoint(), (Endpoint{subnet_.ipv4.guest, 53530}));

  // The guest's answer leaves from the published port.
  GuestSendsUdp(kPeer, 53530);
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().source_endpoint(), stack_guest);

  EXPECT_EQ(*gateway_->RemovePort(mapping), 1u);
  EXPECT_TRUE(stack_.listeners.empty());
  EXPECT_TRUE(absl::IsNotFound(gateway_->RemovePort(mapping).status()));
}

TEST_F(GatewayTest, FlowsEndWithTheirPortWhateverBecomesOfItsListener) {
  v1::PortMapping mapping;
  mapping.set_protocol(v1::PROTOCOL_UDP);
  mapping.set_host_address("0.0.0.0");
  mapping.set_host_port(5353);
  mapping.set_guest_port(53530);
  ASSERT_TRUE(gateway_->AddPort(mapping, UniqueFd()).ok());
  StackSendsUdp(kPeer, stack_.listeners.begin()->second);
  ASSERT_EQ(flows_.open_count(), 1u);
  stack_.remove_status = absl::InternalError("no such listener");
  EXPECT_TRUE(absl::IsInternal(gateway_->RemovePort(mapping).status()));
  EXPECT_EQ(flows_.open_count(), 0u);
  EXPECT_EQ(LastFlowEvent().end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
  EXPECT_TRUE(absl::IsNotFound(gateway_->RemovePort(mapping).status()));
}

TEST_F(GatewayTest, AHostsOwnPeerIsSeenAsTheGateway) {
  v1::PortMapping mapping;
  mapping.set_protocol(v1::PROTOCOL_UDP);
  mapping.set_host_address("127.0.0.1");
  mapping.set_host_port(5353);
  mapping.set_guest_port(53530);
  ASSERT_TRUE(gateway_->AddPort(mapping, UniqueFd()).ok());
  const Endpoint stack_guest = stack_.listeners.begin()->second;
  // libslirp shows a loopback peer under the gateway's address.
  StackSendsUdp({subnet_.ipv4.gateway, 7000}, stack_guest);
  EXPECT_EQ(LastToGuest().source_endpoint(), (Endpoint{subnet_.ipv4.gateway, 7000}));
  GuestSendsUdp({subnet_.ipv4.gateway, 7000}, 53530);
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().destination_endpoint(), *Endpoint::Parse("127.0.0.1:7000"));
}

TEST_F(GatewayTest, TheFlowLimitDeniesNewFlowsAndHarmsNoOther) {
  for (uint16_t port = 1; port <= 100; ++port) GuestSendsUdp(kPeer, port);
  EXPECT_EQ(stack_.frames.size(), 100u);
  GuestSendsUdp(kPeer, 200);
  EXPECT_EQ(stack_.frames.size(), 100u);
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_LIMIT);
  GuestSendsUdp(kPeer, 50);
  EXPECT_EQ(stack_.frames.size(), 101u);
}

TEST_F(GatewayTest, ASpentBudgetEndsEveryFlowAndDeniesNewOnesUntilItIsRaised) {
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  ASSERT_EQ(stack_.frames.size(), 1u);
  budget_.SetTotal(budget_.spent() + 60);
  GuestSendsTcp(kWeb, {.sequence = 1001, .acknowledgment = 1, .flags = kAck});  // 54 bytes
  ASSERT_EQ(stack_.frames.size(), 2u);
  GuestSendsTcp(kWeb, {.sequence = 1001, .acknowledgment = 1, .flags = kAck});
  EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
  EXPECT_TRUE(stack_.last().tcp_flags & kRst);
  const std::vector<v1::AuditEvent> events = Events();
  ASSERT_GE(events.size(), 3u);
  const v1::FlowEvent& closed = events[events.size() - 1].flow().phase() == v1::FlowEvent::PHASE_CLOSED
                                    ? events[events.size() - 1].flow()
                                    : events[events.size() - 2].flow();
  EXPECT_EQ(closed.phase(), v1::FlowEvent::PHASE_CLOSED);
  EXPECT_EQ(closed.end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
  EXPECT_EQ(closed.verdict().reason(), v1::Verdict::REASON_LIMIT);
  const size_t frames = stack_.frames.size();
  GuestSendsUdp(kPeer);
  EXPECT_EQ(stack_.frames.size(), frames);
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_LIMIT);
  budget_.SetTotal(10'000);
  GuestSendsUdp(kPeer);
  EXPECT_EQ(stack_.frames.size(), frames + 1);
}

TEST_F(GatewayTest, AFullHostStackDeniesNewFlowsAndHarmsNoOther) {
  GuestSendsUdp(kPeer);
  stack_.is_full = true;
  GuestSendsUdp(kPeer, 4343);
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_LIMIT);
  EXPECT_EQ(stack_.frames.size(), 1u);
  GuestSendsUdp(kPeer);
  EXPECT_EQ(stack_.frames.size(), 2u);
  stack_.is_full = false;
  GuestSendsUdp(kPeer, 4343);
  EXPECT_EQ(stack_.frames.size(), 3u);
}

TEST_F(GatewayTest, AUdpFlowThatOnlyThePeerSpeaksOnStaysOpen) {
  GuestSendsUdp(kPeer);
  for (int i = 0; i < 5; ++i) {
    loop_.Advance(absl::Seconds(50));
    const size_t before = to_guest_.size();
    StackSendsUdp(kPeer, {subnet_.ipv4.guest, 4242});
    EXPECT_EQ(to_guest_.size(), before + 1) << i;
  }
  loop_.Advance(absl::Seconds(65));
  const size_t before = to_guest_.size();
  StackSendsUdp(kPeer, {subnet_.ipv4.guest, 4242});
  EXPECT_EQ(to_guest_.size(), before);  // idle, and forgotten
}

TEST_F(GatewayTest, IdenticalDenialsFold) {
  for (uint16_t port = 1; port <= 50; ++port) GuestSendsUdp(kPrivate, port);
  EXPECT_EQ(Events().size(), 2u);
  EXPECT_EQ(LastFlowEvent().count(), 49u);
}

TEST_F(GatewayTest, SpoofedSourcesAreDroppedAndTold) {
  std::array<uint8_t, 128> frame;
  packet::Addressing addressing = FromGuestTo(kWeb);
  addressing.source.address = IpAddress::V4(0x0a000210);
  const size_t size = packet::BuildTcpControl(addressing, {.sequence = 1, .flags = kSyn}, frame);
  GuestSends(std::span(frame).first(size));
  EXPECT_TRUE(stack_.frames.empty());
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_MALFORMED);
}

TEST_F(GatewayTest, AFinishedConnectionIsToldWithItsBytes) {
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  const packet::Addressing back{subnet_.gateway_mac, subnet_.guest_mac, kWeb, {subnet_.ipv4.guest, 4242}};
  StackSends(back, {.sequence = 500, .acknowledgment = 1001, .flags = kSyn | kAck});
  GuestSendsTcp(kWeb, {.sequence = 1001, .acknowledgment = 501, .flags = kAck | packet::kFin});
  StackSends(back, {.sequence = 501, .acknowledgment = 1002, .flags = kAck | packet::kFin});
  GuestSendsTcp(kWeb, {.sequence = 1002, .acknowledgment = 502, .flags = kAck});
  const v1::FlowEvent event = LastFlowEvent();
  EXPECT_EQ(event.phase(), v1::FlowEvent::PHASE_CLOSED);
  EXPECT_EQ(event.end_cause(), v1::FlowEvent::END_CAUSE_FINISHED);
  EXPECT_EQ(flows_.open_count(), 0u);
}

TEST_F(GatewayTest, AConnectionThatItsRemoteClosedFirstDoesNotLingerInTheStack) {
  stack_.next_socket = 7;  // which the stack does not close
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  const packet::Addressing back{subnet_.gateway_mac, subnet_.guest_mac, kWeb, {subnet_.ipv4.guest, 4242}};
  StackSends(back, {.sequence = 500, .acknowledgment = 1001, .flags = kSyn | kAck});
  StackSends(back, {.sequence = 501, .acknowledgment = 1001, .flags = kAck | packet::kFin});
  GuestSendsTcp(kWeb, {.sequence = 1001, .acknowledgment = 502, .flags = kAck | packet::kFin});
  StackSends(back, {.sequence = 502, .acknowledgment = 1002, .flags = kAck});
  EXPECT_EQ(LastFlowEvent().end_cause(), v1::FlowEvent::END_CAUSE_FINISHED);
  to_guest_.clear();
  const size_t before = stack_.frames.size();
  loop_.Advance(LingeringConnections::kLinger);
  ASSERT_EQ(stack_.frames.size(), before + 1);
  EXPECT_TRUE(stack_.last().tcp_flags & kRst);
  EXPECT_EQ(stack_.last().sequence, 1002u);
  EXPECT_EQ(stack_.last().destination_endpoint(), kWeb);
  EXPECT_TRUE(to_guest_.empty());
}

TEST_F(GatewayTest, ALongConnectionIsToldEveryMinute) {
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  StackSends({subnet_.gateway_mac, subnet_.guest_mac, kWeb, {subnet_.ipv4.guest, 4242}},
             {.sequence = 500, .acknowledgment = 1001, .flags = kSyn | kAck});
  GuestSendsTcp(kWeb, {.sequence = 1001, .acknowledgment = 501, .flags = kAck});
  loop_.Advance(absl::Seconds(58));
  EXPECT_EQ(LastFlowEvent().phase(), v1::FlowEvent::PHASE_OPENED);
  for (int minute = 1; minute <= 3; ++minute) {
    loop_.Advance(absl::Minutes(1));
    const v1::FlowEvent event = LastFlowEvent();
    EXPECT_EQ(event.phase(), v1::FlowEvent::PHASE_PROGRESS);
    EXPECT_NEAR(event.duration().seconds(), 60 * minute, 3);
    EXPECT_EQ(event.remote().address(), "93.184.216.34");
  }
}

TEST_F(GatewayTest, NothingOpensWhileTheLogCannotBeWritten) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full = {0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  for (int i = 0; i < 2; ++i) {
    GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
    loop_.RunUntilIdle();
    for (std::vector<uint8_t>& bytes : stack_.frames) {  // resets at the most
      Packet packet;
      packet::Parse(bytes, packet);
      EXPECT_FALSE(packet.tcp_flags & kSyn);
    }
    EXPECT_TRUE(LastToGuest().tcp_flags & kRst);
    EXPECT_EQ(LastToGuest().acknowledgment, 1001u);
  }
  setrlimit(RLIMIT_FSIZE, &before);
  loop_.Advance(AuditTrail::kRetryTime);
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_AUDIT_UNAVAILABLE);
  EXPECT_EQ(LastFlowEvent().phase(), v1::FlowEvent::PHASE_DENIED);
  stack_.frames.clear();
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  EXPECT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(LastFlowEvent().phase(), v1::FlowEvent::PHASE_OPENED);
}

}  // namespace
}  // namespace sluice
