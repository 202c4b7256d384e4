// What those who capture a sandbox's frames are told of each.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/dns/test_message.h"
#include "netsvc/link/read_pcapng.h"
#include "netsvc/packet/test_frames.h"
#include "netsvc/worker/gateway_fixture.h"

namespace sluice {
namespace {

using packet::kAck;
using packet::kSyn;
using testing::ElementsAre;
using testing::IsEmpty;

const Endpoint kWeb = *Endpoint::Parse("93.184.216.34:443");
const Endpoint kInside = *Endpoint::Parse("10.1.2.3:80");
const Endpoint kResolver = *Endpoint::Parse("10.0.2.3:53");
constexpr char kDefault[] = "verdict=DENY reason=DEFAULT rule=default";
constexpr char kSluice[] = "verdict=ALLOW reason=SLUICE";
constexpr char kFirstFlow[] = "verdict=ALLOW reason=PRESET rule=preset flow=1";

class GatewayCapturesTest : public GatewayFixture {
 protected:
  explicit GatewayCapturesTest(const std::string& dns_config = "") : GatewayFixture(dns_config) {
    EXPECT_TRUE(link_.captures().Start(std::move(all_.writer), {}).ok());
    EXPECT_TRUE(link_.captures().Start(std::move(denied_.writer), {.interface_name = "", .denied_only = true}).ok());
    all_.Read();  // the headers
    denied_.Read();
  }

  void Asks(const std::string& name) {
    const packet::Bytes message = dns::QueryFor(name, dns::kTypeA);
    packet::Bytes frame = packet::UdpFrame(FromGuestTo(kResolver), message);
    GuestSends(frame);
  }

  link::CaptureSocket all_;
  link::CaptureSocket denied_;
};

TEST_F(GatewayCapturesTest, AFlowsFramesBearItsVerdict) {
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  StackSends(ToGuestFrom(kWeb), {.sequence = 5000, .acknowledgment = 1001, .flags = kSyn | kAck});
  EXPECT_THAT(all_.ReadComments(), ElementsAre(kFirstFlow, kFirstFlow));
  EXPECT_THAT(denied_.ReadComments(), IsEmpty());
}

TEST_F(GatewayCapturesTest, ADenialComesAheadOfItsReset) {
  GuestSendsTcp(kInside, {.sequence = 1000, .flags = kSyn});
  EXPECT_THAT(all_.ReadComments(), ElementsAre(kDefault, kSluice));
  // The second of a kind is folded in the log, and shown here all the same.
  GuestSendsTcp(kInside, {.sequence = 1000, .flags = kSyn}, 4243);
  EXPECT_THAT(denied_.ReadComments(), ElementsAre(kDefault, kDefault));
}

TEST_F(GatewayCapturesTest, ASegmentOfNoFlowIsDenied) {
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kAck});
  EXPECT_THAT(denied_.ReadComments(), ElementsAre("verdict=DENY reason=NO_FLOW"));
}

TEST_F(GatewayCapturesTest, BadAndUnknownFramesAreDenied) {
  packet::Bytes frame = packet::UdpFrame(FromGuestTo(kWeb), packet::Pattern(8));
  frame.back() ^= 1;  // its checksum is wrong now
  const packet::Bytes as_sent = frame;
  GuestSends(frame);
  const std::vector<link::PcapngBlock> blocks = denied_.Read();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].comment, "verdict=DENY reason=MALFORMED rule=default");
  EXPECT_EQ(blocks[0].kept, std::string(as_sent.begin(), as_sent.end())) << "as it came";
}

TEST_F(GatewayCapturesTest, TheLinksOwnServicesAreNoPolicys) {
  packet::Bytes frame = packet::ArpFrame(1, subnet_.guest_mac, subnet_.ipv4.guest, subnet_.ipv4.gateway);
  GuestSends(frame);
  EXPECT_THAT(all_.ReadComments(), ElementsAre("verdict=ALLOW reason=SERVICE"));
}

TEST_F(GatewayCapturesTest, AQueryWaitsForItsAnswerUnlessItIsDenied) {
  SetPolicy(R"(preset: PRESET_ALLOWLIST rules { id: "a" action: ACTION_ALLOW peers { domain: "a.test" } })");
  Asks("a.test");
  EXPECT_THAT(all_.ReadComments(), ElementsAre("verdict=HELD"));
  Asks("b.test");
  EXPECT_THAT(all_.ReadComments(), ElementsAre(kDefault, kSluice));
  EXPECT_THAT(denied_.ReadComments(), ElementsAre(kDefault));
}

TEST_F(GatewayCapturesTest, AFlowThatIsEndedByItsFrameDeniesIt) {
  SetPolicy("preset: PRESET_PUBLIC_ONLY");
  budget_.SetTotal(100);
  GuestSendsTcp(kWeb, {.sequence = 1000, .flags = kSyn});
  all_.Read();
  budget_.SetTotal(1);
  GuestSendsTcp(kWeb, {.sequence = 1001, .flags = kAck});
  const std::vector<std::string> comments = denied_.ReadComments();
  ASSERT_FALSE(comments.empty());
  EXPECT_EQ(comments[0], "verdict=DENY reason=LIMIT rule=default");
}

TEST_F(GatewayCapturesTest, AFragmentWaitsForTheOthers) {
  const packet::Bytes whole = packet::UdpFrame(FromGuestTo(kWeb), packet::Pattern(100));
  const size_t data = whole.size() - packet::kEthernetHeaderSize - packet::kIpv4HeaderSize;
  packet::Bytes first = packet::FragmentOf(whole, 0, 64, false, 9);
  packet::Bytes second = packet::FragmentOf(whole, 64, data, true, 9);
  GuestSends(first);
  GuestSends(second);
  EXPECT_THAT(all_.ReadComments(), ElementsAre("verdict=HELD", kFirstFlow));
}

}  // namespace
}  // namespace sluice
