// Packets that try to get around the policy: in pieces, inside other addresses, with
// data ahead of a connection, or without one. Each has its twin that passes.

#include <string>
#include <vector>

#include "netsvc/packet/test_frames.h"
#include "netsvc/worker/gateway_fixture.h"

namespace sluice {
namespace {

using packet::Addressing;
using packet::Bytes;
using packet::FragmentOf;
using packet::kAck;
using packet::kFin;
using packet::kPsh;
using packet::kRst;
using packet::kSyn;
using packet::Packet;
using packet::Pattern;
using packet::TcpFrame;
using packet::UdpFrame;

class GatewayPacketsTest : public GatewayFixture {
 protected:
  Addressing To(const std::string& remote) const { return FromGuestTo(packet::At(remote)); }

  void Send(Bytes frame) { GuestSends(frame); }
  void SendAll(const std::vector<Bytes>& frames) {
    for (const Bytes& frame : frames) Send(frame);
  }

  // A datagram of 68 bytes (with its header) in three pieces.
  std::vector<Bytes> Fragments(const std::string& remote, uint32_t identification) const {
    const Bytes whole = UdpFrame(To(remote), Pattern(60));
    return {FragmentOf(whole, 0, 24, false, identification), FragmentOf(whole, 24, 48, false, identification),
            FragmentOf(whole, 48, 68, true, identification)};
  }
};

TEST_F(GatewayPacketsTest, FragmentsAreJudgedAsThePacketThatTheyMake) {
  for (const char* remote : {"10.1.2.3:7000", "[fd12::7]:7000"}) {
    SetPolicy("preset: PRESET_PUBLIC_ONLY");
    const std::vector<Bytes> fragments = Fragments(remote, 7);
    Send(fragments[0]);
    Send(fragments[1]);
    EXPECT_TRUE(to_guest_.empty()) << remote;
    Send(fragments[2]);
    EXPECT_EQ(to_guest_.size(), 1u) << remote;
    EXPECT_TRUE(stack_.frames.empty()) << remote;
    EXPECT_EQ(LastFlowEvent().phase(), v1::FlowEvent::PHASE_DENIED) << remote;

    SetPolicy("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PRIVATE } }");
    const std::vector<Bytes> again = Fragments(remote, 8);
    SendAll({again[2], again[0], again[1]});
    ASSERT_EQ(stack_.frames.size(), 1u) << remote;
    EXPECT_EQ(stack_.last().destination_endpoint(), packet::At(remote));
    EXPECT_EQ(stack_.last().payload().size(), 60u);
    stack_.frames.clear();
    to_guest_.clear();
  }
}

TEST_F(GatewayPacketsTest, NoFragmentReachesAnybodyByItself) {
  for (const char* remote : {"8.8.8.8:7000", "[2606:4700::1]:7000"}) {
    const std::vector<Bytes> fragments = Fragments(remote, 7);
    Send(fragments[0]);
    Send(Fragments(remote, 8)[1]);
    Send(Fragments(remote, 9)[2]);
    EXPECT_TRUE(stack_.frames.empty()) << remote;
  }
}

TEST_F(GatewayPacketsTest, FragmentsThatOverlapReachNobody) {
  const Bytes whole = UdpFrame(To("8.8.8.8:7000"), Pattern(60));
  SendAll({FragmentOf(whole, 0, 32, false, 7), FragmentOf(whole, 24, 48, false, 7), FragmentOf(whole, 48, 68, true, 7),
           FragmentOf(whole, 32, 48, false, 7)});
  EXPECT_TRUE(stack_.frames.empty());
  EXPECT_EQ(LastFlowEvent().verdict().reason(), v1::Verdict::REASON_MALFORMED);

  SendAll({FragmentOf(whole, 0, 32, false, 8), FragmentOf(whole, 32, 48, false, 8), FragmentOf(whole, 48, 68, true, 8)});
  EXPECT_EQ(stack_.frames.size(), 1u);
}

// RFC 1858: ports and flags of TCP in different fragments.
TEST_F(GatewayPacketsTest, ATinyFirstFragmentHidesNoPorts) {
  const Bytes syn = TcpFrame(To("8.8.8.8:80"), {.flags = kSyn, .payload = Pattern(12)});
  SendAll({FragmentOf(syn, 0, 8, false, 7), FragmentOf(syn, 8, 32, true, 7)});
  EXPECT_TRUE(stack_.frames.empty());
  SendAll({FragmentOf(syn, 0, 24, false, 8), FragmentOf(syn, 24, 32, true, 8)});
  EXPECT_EQ(stack_.frames.size(), 1u);
}

TEST_F(GatewayPacketsTest, AnAddressInsideAnotherIsJudgedAsItself) {
  const std::vector<std::pair<std::string, std::string>> private_and_public = {
      {"[::ffff:10.1.2.3]:80", "[::ffff:8.8.8.8]:80"},      {"[::10.1.2.3]:80", "[::8.8.8.8]:80"},
      {"[64:ff9b::10.1.2.3]:80", "[64:ff9b::8.8.8.8]:80"},  {"[2002:a01:203::1]:80", "[2002:808:808::1]:80"},
      {"[2001::f5fe:fdfc]:80", "[2001::f7f7:f7f7]:80"},
  };
  for (const auto& [inside, outside] : private_and_public) {
    Send(TcpFrame(To(inside), {.flags = kSyn}));
    EXPECT_TRUE(stack_.frames.empty()) << inside;
    EXPECT_TRUE(LastToGuest().tcp_flags & kRst) << inside;
    Send(TcpFrame(To(outside), {.flags = kSyn}));
    EXPECT_EQ(stack_.frames.size(), 1u) << outside;
    stack_.frames.clear();
  }
  SetPolicy(R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: "10.0.0.0/8" } })");
  for (const auto& [inside, outside] : private_and_public) {
    Send(TcpFrame(To(inside), {.flags = kSyn}));
    EXPECT_EQ(stack_.frames.size(), 1u) << inside;
    stack_.frames.clear();
  }
}

TEST_F(GatewayPacketsTest, DataInASynPassesWithItOrNotAtAll) {
  Send(TcpFrame(To("10.1.2.3:80"), {.flags = kSyn, .sequence = 1000, .payload = Pattern(30)}));
  EXPECT_TRUE(stack_.frames.empty());
  EXPECT_EQ(LastToGuest().acknowledgment, 1031u);
  Send(TcpFrame(To("8.8.8.8:80"), {.flags = kSyn, .sequence = 1000, .payload = Pattern(30)}));
  ASSERT_EQ(stack_.frames.size(), 1u);
  EXPECT_EQ(stack_.last().payload().size(), 30u);
}

TEST_F(GatewayPacketsTest, SegmentsWithoutAFlowReachNobody) {
  for (const uint8_t flags : {uint8_t{kAck}, uint8_t{kAck | kPsh}, uint8_t{kAck | kFin}, uint8_t{kSyn | kAck},
                              uint8_t{kRst}, uint8_t{kRst | kAck}}) {
    to_guest_.clear();
    Send(TcpFrame(To("8.8.8.8:80"), {.flags = flags, .payload = Pattern(flags & kPsh ? 20 : 0)}));
    EXPECT_TRUE(stack_.frames.empty()) << int{flags};
    // A RST is never answered (RFC 9293 section 3.10.7.1).
    EXPECT_EQ(to_guest_.size(), flags & kRst ? 0u : 1u) << int{flags};
  }
  Send(TcpFrame(To("8.8.8.8:80"), {.flags = kSyn}));
  Send(TcpFrame(To("8.8.8.8:80"), {.flags = kAck | kPsh, .sequence = 1001, .payload = Pattern(20)}));
  EXPECT_EQ(stack_.frames.size(), 2u);
}

TEST_F(GatewayPacketsTest, HeadersThatNobodyNeedsGoNowhere) {
  Bytes with_option = TcpFrame(To("8.8.8.8:80"), {.flags = kSyn});
  with_option[14] = 0x46;
  with_option[14 + 3] = static_cast<uint8_t>(with_option[14 + 3] + 4);
  with_option.insert(with_option.begin() + 34, 4, 1);
  Send(with_option);
  const Bytes whole = TcpFrame(To("[2606:4700::1]:80"), {.flags = kSyn});
  for (const uint8_t kind : {0, 43, 51, 60, 135, 139}) {
    Bytes frame = whole;
    frame[14 + 6] = kind;
    frame[14 + 5] = static_cast<uint8_t>(frame[14 + 5] + 8);
    const Bytes header = {6, 0, 1, 4, 0, 0, 0, 0};
    frame.insert(frame.begin() + 54, header.begin(), header.end());
    Send(frame);
    EXPECT_TRUE(stack_.frames.empty()) << int{kind};
  }
  Send(whole);
  EXPECT_EQ(stack_.frames.size(), 1u);
}

}  // namespace
}  // namespace sluice
