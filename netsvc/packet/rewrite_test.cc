#include "netsvc/packet/rewrite.h"

#include <gtest/gtest.h>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/packet.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

const Addressing kV4 = Between("10.0.2.15:40000", "10.0.2.2:8080");
const Addressing kV6 = Between("[fd00::15]:40000", "[fd00::2]:8080");

Packet Parsed(Bytes& frame) {
  Packet packet;
  EXPECT_EQ(Parse(frame, packet), ParseError::kNone);
  return packet;
}

TEST(RewriteTest, GivesOtherEndpointsAndKeepsChecksumsRight) {
  const struct {
    Bytes frame;
    Endpoint source;
    Endpoint destination;
  } kCases[] = {
      {TcpFrame(kV4, {.payload = Pattern(33)}), kV4.source, At("127.0.0.1:8080")},
      {TcpFrame(kV4, {.flags = kSyn}), At("0.0.0.0:0"), At("255.255.255.255:65535")},
      {TcpFrame(kV6, {.payload = Pattern(33)}), kV6.source, At("[::1]:9090")},
      {UdpFrame(kV4, Pattern(1)), At("1.1.1.1:53"), At("10.0.2.15:1")},
      {UdpFrame(kV6, Pattern(1)), At("[2606:4700::1111]:53"), At("[fd00::15]:1")},
  };
  for (const auto& c : kCases) {
    Bytes frame = c.frame;
    Packet packet = Parsed(frame);
    const Bytes payload(packet.payload().begin(), packet.payload().end());
    RewriteEndpoints(packet, c.source, c.destination);
    EXPECT_TRUE(ChecksumsAreRight(frame));
    EXPECT_EQ(packet.source_endpoint(), c.source);
    EXPECT_EQ(packet.destination_endpoint(), c.destination);
    const Packet again = Parsed(frame);
    EXPECT_EQ(again.source_endpoint(), c.source);
    EXPECT_EQ(again.destination_endpoint(), c.destination);
    EXPECT_TRUE(std::ranges::equal(again.payload(), payload));
  }
}

TEST(RewriteTest, EveryPortKeepsTheChecksumRight) {
  Bytes frame = UdpFrame(kV4, {0, 0});
  Packet packet = Parsed(frame);
  for (uint32_t port = 0; port <= 0xffff; port += 7) {
    RewriteEndpoints(packet, kV4.source, {kV4.destination.address, static_cast<uint16_t>(port)});
    ASSERT_TRUE(ChecksumsAreRight(frame)) << port;
    ASSERT_NE(Load16(&packet.transport()[6]), 0) << port;
  }
}

TEST(RewriteTest, ADatagramWithoutChecksumStaysWithout) {
  Bytes frame = UdpFrame(kV4, Pattern(4));
  Store16(&frame[kEthernetHeaderSize + kIpv4HeaderSize + 6], 0);
  Packet packet = Parsed(frame);
  RewriteEndpoints(packet, kV4.source, At("127.0.0.1:53"));
  EXPECT_EQ(Load16(&packet.transport()[6]), 0);
  EXPECT_TRUE(ChecksumsAreRight(frame));
}

TEST(RewriteTest, LeavesOtherPacketsAndFamiliesAlone) {
  for (const Bytes& original : {IcmpFrame(kV4, 8, 0, Pattern(8)), IpFrame(kV4, 47, {})}) {
    Bytes frame = original;
    Packet packet = Parsed(frame);
    RewriteEndpoints(packet, At("1.1.1.1:1"), At("2.2.2.2:2"));
    EXPECT_EQ(frame, original);
  }
  const Bytes original = UdpFrame(kV4, {});
  Bytes frame = original;
  Packet packet = Parsed(frame);
  RewriteEndpoints(packet, kV6.source, kV6.destination);
  EXPECT_EQ(frame, original);
  EXPECT_EQ(packet.source, kV4.source.address);
}

TEST(RewriteTest, TranslatesBetweenFamilies) {
  const struct {
    Bytes frame;
    Addressing to;
  } kCases[] = {
      {TcpFrame(kV4, {.options = {2, 4, 5, 180}, .payload = Pattern(33)}), kV6},
      {TcpFrame(kV6, {.payload = Pattern(65000)}), kV4},
      {UdpFrame(kV4, Pattern(7)), kV6},
      {UdpFrame(kV6, Pattern(7)), kV4},
  };
  for (const auto& c : kCases) {
    Bytes frame = c.frame;
    const Packet packet = Parsed(frame);
    Bytes out(kMaxFrameSize);
    out.resize(TranslateEndpoints(packet, c.to.source, c.to.destination, out));
    const Packet copy = Parsed(out);
    EXPECT_TRUE(ChecksumsAreRight(out));
    EXPECT_EQ(copy.source_endpoint(), c.to.source);
    EXPECT_EQ(copy.destination_endpoint(), c.to.destination);
    EXPECT_EQ(copy.source_mac, packet.source_mac);
    EXPECT_EQ(copy.destination_mac, packet.destination_mac);
    EXPECT_EQ(copy.sequence, packet.sequence);
    EXPECT_EQ(copy.tcp_flags, packet.tcp_flags);
    EXPECT_TRUE(std::ranges::equal(copy.payload(), packet.payload()));
    EXPECT_EQ(frame, c.frame);
  }
}

TEST(RewriteTest, TranslatesADatagramWithoutChecksumIntoOneWith) {
  Bytes frame = UdpFrame(kV4, Pattern(4));
  Store16(&frame[kEthernetHeaderSize + kIpv4HeaderSize + 6], 0);
  Bytes out(kMaxFrameSize);
  out.resize(TranslateEndpoints(Parsed(frame), kV6.source, kV6.destination, out));
  EXPECT_TRUE(ChecksumsAreRight(out));
}

TEST(RewriteTest, DoesNotTranslateWhatDoesNotFit) {
  Bytes small = UdpFrame(kV4, Pattern(4));
  Bytes out(small.size() + 19);  // one byte short
  EXPECT_EQ(TranslateEndpoints(Parsed(small), kV6.source, kV6.destination, out), 0u);
  Bytes large = UdpFrame(kV6, Pattern(65527));
  Bytes room(kMaxFrameSize);
  EXPECT_EQ(TranslateEndpoints(Parsed(large), kV4.source, kV4.destination, room), 0u);
  Bytes echo = IcmpFrame(kV4, 8, 0, Pattern(8));
  EXPECT_EQ(TranslateEndpoints(Parsed(echo), kV6.source, kV6.destination, room), 0u);
}

TEST(RewriteTest, SetsMacAddresses) {
  Bytes frame = UdpFrame(kV4, {});
  Packet packet = Parsed(frame);
  SetMacAddresses(packet, GatewayMac(), GuestMac());
  EXPECT_EQ(packet.source_mac, GatewayMac());
  EXPECT_EQ(Parsed(frame).source_mac, GatewayMac());
  EXPECT_EQ(Parsed(frame).destination_mac, GuestMac());
}

TEST(RewriteTest, LeavesTheChecksumOfTcpToTheLink) {
  const struct {
    Addressing addressing;
    Offload::Segmentation segmentation;
  } kFamilies[] = {{kV4, Offload::Segmentation::kTcpV4}, {kV6, Offload::Segmentation::kTcpV6}};
  for (const auto& family : kFamilies) {
    Bytes frame = TcpFrame(family.addressing, {.payload = Pattern(3000)});
    Packet packet = Parsed(frame);
    const Offload offload = PrepareOffload(packet, 1460);
    EXPECT_TRUE(offload.partial_checksum);
    EXPECT_EQ(offload.segmentation, family.segmentation);
    EXPECT_EQ(offload.segment_size, 1460);
    // What a link does: it sums from the transport header on and stores the
    // complement.
    uint8_t* const field = &packet.transport()[16];
    Store16(field, static_cast<uint16_t>(~NaiveSum(packet.transport())));
    EXPECT_TRUE(ChecksumsAreRight(frame));
  }
}

TEST(RewriteTest, SegmentsOnlyWhatIsLarger) {
  for (const uint16_t segment_size : {uint16_t{100}, uint16_t{0}}) {
    Bytes frame = TcpFrame(kV4, {.payload = Pattern(100)});
    Packet packet = Parsed(frame);
    const Offload offload = PrepareOffload(packet, segment_size);
    EXPECT_TRUE(offload.partial_checksum);
    EXPECT_EQ(offload.segmentation, Offload::Segmentation::kNone);
    EXPECT_EQ(offload.segment_size, 0);
  }
}

TEST(RewriteTest, LeavesNothingOfOtherPacketsToTheLink) {
  const Bytes original = UdpFrame(kV4, Pattern(100));
  Bytes frame = original;
  Packet packet = Parsed(frame);
  EXPECT_FALSE(PrepareOffload(packet, 10).partial_checksum);
  EXPECT_EQ(frame, original);
}

TEST(RewriteTest, ReadsTheMaximumSegmentSize) {
  const struct {
    Bytes options;
    uint16_t size;
  } kCases[] = {
      {{2, 4, 5, 180}, 1460},
      {{1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 4, 0x3f, 0xd8}, 16344},
      {{}, 536},
      {{1, 1, 1, 0}, 536},
      {{0, 2, 4, 5}, 536},           // after the last option
      {{2, 3, 5, 1}, 536},           // of a length it does not have
      {{3, 3, 7, 1, 4, 2, 1, 1}, 536},
  };
  for (const auto& c : kCases) {
    Bytes frame = TcpFrame(kV4, {.flags = kSyn, .options = c.options});
    EXPECT_EQ(MaxSegmentSizeOption(Parsed(frame)), c.size);
  }
}

}  // namespace
}  // namespace sluice::packet
