#include "netsvc/packet/builder.h"

#include <gtest/gtest.h>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/packet.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

const Addressing kV4 = Between("10.0.2.15:40000", "93.184.216.34:443");
const Addressing kV6 = Between("[fd00::15]:40000", "[2606:2800:220:1::1]:443");

Packet Parsed(Bytes& frame) {
  Packet packet;
  EXPECT_EQ(Parse(frame, packet), ParseError::kNone);
  return packet;
}

// What a builder wrote into a buffer of just its size: parsed, checksums right.
class Built {
 public:
  explicit Built(const std::function<size_t(std::span<uint8_t>)>& build) : bytes_(kMaxFrameSize) {
    bytes_.resize(build(bytes_));
    if (bytes_.empty()) return;
    EXPECT_EQ(Parse(bytes_, packet_), ParseError::kNone);
    EXPECT_EQ(packet_.frame.size(), bytes_.size());
    if (packet_.ether_type != kEtherTypeArp) {
      EXPECT_TRUE(ChecksumsAreRight(bytes_));
    }
    Bytes small(bytes_.size() - 1);
    EXPECT_EQ(build(small), 0u);
  }

  bool nothing() const { return bytes_.empty(); }
  const Packet* operator->() const { return &packet_; }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  Packet packet_;
};

Built Reset(const Addressing& addressing, const TcpFields& fields) {
  Bytes frame = TcpFrame(addressing, fields);
  const Packet packet = Parsed(frame);
  return Built([&](std::span<uint8_t> out) { return BuildTcpReset(packet, GatewayMac(), out); });
}

Built Prohibited(Bytes frame) {
  const Packet packet = Parsed(frame);
  return Built([&](std::span<uint8_t> out) { return BuildProhibited(packet, GatewayMac(), out); });
}

TEST(BuilderTest, ResetOfASegmentWithAckTakesItsAckNumber) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Built reset = Reset(addressing, {.flags = kAck, .acknowledgment = 777, .payload = Pattern(9)});
    EXPECT_EQ(reset->tcp_flags, kRst);
    EXPECT_EQ(reset->sequence, 777u);
    EXPECT_EQ(reset->source_endpoint(), addressing.destination);
    EXPECT_EQ(reset->destination_endpoint(), addressing.source);
    EXPECT_EQ(reset->source_mac, GatewayMac());
    EXPECT_EQ(reset->destination_mac, GuestMac());
  }
}

TEST(BuilderTest, ResetOfASegmentWithoutAckAcknowledgesAllOfIt) {
  const struct {
    uint32_t sequence;
    size_t payload;
    uint32_t acknowledgment;
  } kCases[] = {{1000, 0, 1001}, {1000, 9, 1010}, {0xffffffff, 0, 0}, {0xffffffff, 1, 1}};
  for (const auto& c : kCases) {
    const Built reset = Reset(kV4, {.flags = kSyn, .sequence = c.sequence, .payload = Pattern(c.payload)});
    EXPECT_EQ(reset->tcp_flags, kRst | kAck);
    EXPECT_EQ(reset->sequence, 0u);
    EXPECT_EQ(reset->acknowledgment, c.acknowledgment);
  }
}

TEST(BuilderTest, NoResetAnswersAResetOrAGroupOrAnythingButTcp) {
  EXPECT_TRUE(Reset(kV4, {.flags = kRst}).nothing());
  EXPECT_TRUE(Reset(kV4, {.flags = kRst | kAck}).nothing());
  EXPECT_TRUE(Reset(Between("10.0.2.15:1", "224.0.0.1:80"), {.flags = kSyn}).nothing());
  EXPECT_TRUE(Reset(Between("10.0.2.15:1", "255.255.255.255:80"), {.flags = kSyn}).nothing());
  EXPECT_TRUE(Reset(Between("[fd00::15]:1", "[ff02::1]:80"), {.flags = kSyn}).nothing());
  Bytes udp = UdpFrame(kV4, {});
  Bytes out(kMaxRejectSize);
  EXPECT_EQ(BuildTcpReset(Parsed(udp), GatewayMac(), out), 0u);
}

TEST(BuilderTest, ProhibitedQuotesThePacket) {
  const Bytes v4 = UdpFrame(kV4, Pattern(20));
  const Built answer4 = Prohibited(v4);
  EXPECT_EQ(answer4->protocol, kIcmp);
  EXPECT_EQ(answer4->icmp_type, 3);
  EXPECT_EQ(answer4->icmp_code, 13);
  EXPECT_EQ(answer4->source, kV4.destination.address);
  EXPECT_EQ(answer4->destination, kV4.source.address);
  EXPECT_TRUE(std::ranges::equal(answer4->payload(), std::span(v4).subspan(kEthernetHeaderSize)));

  const Bytes v6 = TcpFrame(kV6, {.flags = kSyn});
  const Built answer6 = Prohibited(v6);
  EXPECT_EQ(answer6->protocol, kIcmpv6);
  EXPECT_EQ(answer6->icmp_type, 1);
  EXPECT_EQ(answer6->icmp_code, 1);
  EXPECT_TRUE(std::ranges::equal(answer6->payload(), std::span(v6).subspan(kEthernetHeaderSize)));
}

TEST(BuilderTest, ProhibitedQuotesNoMoreThanTheMinimumMtuHolds) {
  EXPECT_EQ(Prohibited(UdpFrame(kV4, Pattern(9000))).bytes().size(), kEthernetHeaderSize + 576);
  EXPECT_EQ(Prohibited(UdpFrame(kV6, Pattern(9000))).bytes().size(), kMaxRejectSize);
}

TEST(BuilderTest, NothingIsSaidAboutIcmpErrorsAndGroups) {
  const Bytes body = Pattern(32);
  for (const uint8_t type : {3, 4, 5, 11, 12}) EXPECT_TRUE(Prohibited(IcmpFrame(kV4, type, 0, body)).nothing());
  for (const uint8_t type : {1, 2, 3, 4, 127}) EXPECT_TRUE(Prohibited(IcmpFrame(kV6, type, 0, body)).nothing());
  EXPECT_TRUE(Prohibited(UdpFrame(Between("10.0.2.15:1", "239.1.1.1:80"), body)).nothing());
  EXPECT_TRUE(Prohibited(UdpFrame(Between("[fd00::15]:1", "[ff0e::1]:80"), body)).nothing());
  EXPECT_TRUE(Prohibited(ArpFrame(1, GuestMac(), Ip("10.0.2.15"), Ip("10.0.2.2"))).nothing());
  EXPECT_FALSE(Prohibited(IcmpFrame(kV4, 8, 0, body)).nothing());
  EXPECT_FALSE(Prohibited(IcmpFrame(kV6, 128, 0, body)).nothing());
  EXPECT_FALSE(Prohibited(IpFrame(kV4, 47, body)).nothing());
}

TEST(BuilderTest, DatagramsGoThroughParsing) {
  const struct {
    Addressing addressing;
    size_t largest;
  } kFamilies[] = {{kV4, 65507}, {kV6, 65527}};
  for (const auto& family : kFamilies) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{1400}, family.largest}) {
      const Bytes payload = Pattern(size);
      const Built datagram([&](std::span<uint8_t> out) { return BuildUdp(family.addressing, payload, out); });
      EXPECT_EQ(datagram->source_endpoint(), family.addressing.source);
      EXPECT_EQ(datagram->destination_endpoint(), family.addressing.destination);
      EXPECT_TRUE(std::ranges::equal(datagram->payload(), payload));
    }
    Bytes out(kMaxFrameSize);
    EXPECT_EQ(BuildUdp(family.addressing, Pattern(family.largest + 1), out), 0u);
  }
}

TEST(BuilderTest, FamiliesDoNotMix) {
  Bytes out(kMaxFrameSize);
  const Addressing mixed{GuestMac(), GatewayMac(), kV4.source, kV6.destination};
  EXPECT_EQ(BuildUdp(mixed, {}, out), 0u);
  EXPECT_EQ(BuildTcpControl(mixed, {}, out), 0u);
}

TEST(BuilderTest, TcpControlCarriesItsNumbers) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Built segment([&](std::span<uint8_t> out) {
      return BuildTcpControl(addressing, {.sequence = 5, .acknowledgment = 6, .flags = kRst | kAck}, out);
    });
    EXPECT_EQ(segment->source_endpoint(), addressing.source);
    EXPECT_EQ(segment->sequence, 5u);
    EXPECT_EQ(segment->acknowledgment, 6u);
    EXPECT_EQ(segment->tcp_flags, kRst | kAck);
    EXPECT_TRUE(segment->payload().empty());
  }
}

TEST(BuilderTest, EchoReplyCarriesIdentifierSequenceAndPayload) {
  for (const Addressing& to_guest : {Between("1.1.1.1:0", "10.0.2.15:4660"), Between("[fd01::1]:0", "[fd00::15]:4660")}) {
    const Built reply([&](std::span<uint8_t> out) { return BuildEchoReply(to_guest, 7, Pattern(56), out); });
    EXPECT_TRUE(reply->is_echo_reply());
    EXPECT_EQ(reply->destination_port, 4660);
    EXPECT_EQ(reply->icmp_sequence, 7);
    EXPECT_TRUE(std::ranges::equal(reply->payload(), Pattern(56)));
  }
}

TEST(BuilderTest, IcmpErrorCarriesItsWord) {
  const Built too_big([&](std::span<uint8_t> out) { return BuildIcmpError(kV6, 2, 0, 1400, Pattern(48), out); });
  EXPECT_EQ(too_big->icmp_type, 2);
  EXPECT_EQ(Load32(&too_big->transport()[4]), 1400u);
  EXPECT_TRUE(std::ranges::equal(too_big->payload(), Pattern(48)));
}

TEST(BuilderTest, ArpAnswersAndAnnounces) {
  const Built reply([&](std::span<uint8_t> out) {
    return BuildArpReply(GatewayMac(), Ip("10.0.2.2"), GuestMac(), Ip("10.0.2.15"), out);
  });
  const Bytes expected_reply = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xfe, 8, 6,   // Ethernet
                                0, 1, 8, 0, 6, 4, 0, 2,                        // a reply
                                2, 0, 0, 0, 0, 0xfe, 10, 0, 2, 2,              // from
                                2, 0, 0, 0, 0, 1, 10, 0, 2, 15};               // to
  EXPECT_EQ(reply.bytes(), expected_reply);

  const Built announcement(
      [&](std::span<uint8_t> out) { return BuildGratuitousArp(GatewayMac(), Ip("10.0.2.2"), out); });
  EXPECT_EQ(announcement.bytes(), [] {
    Bytes frame = ArpFrame(1, GatewayMac(), Ip("10.0.2.2"), Ip("10.0.2.2"));
    return frame;
  }());

  Bytes out(64);
  EXPECT_EQ(BuildGratuitousArp(GatewayMac(), Ip("::1"), out), 0u);
}

TEST(BuilderTest, NeighborAdvertisementIsSolicitedAndOverrides) {
  const Built advertisement([&](std::span<uint8_t> out) {
    return BuildNeighborAdvertisement(GatewayMac(), Ip("fd00::2"), GuestMac(), Ip("fd00::15"), out);
  });
  EXPECT_EQ(advertisement->hop_limit, 255);
  EXPECT_EQ(advertisement->icmp_type, 136);
  EXPECT_EQ(advertisement->source, Ip("fd00::2"));
  const std::span<const uint8_t> message = advertisement->transport();
  EXPECT_EQ(Load32(&message[4]), 0x60000000u);
  EXPECT_TRUE(std::ranges::equal(message.subspan(8, 16), Ip("fd00::2").bytes()));
  const Bytes option = {2, 1, 2, 0, 0, 0, 0, 0xfe};
  EXPECT_TRUE(std::ranges::equal(message.subspan(24), option));
}

}  // namespace
}  // namespace sluice::packet
