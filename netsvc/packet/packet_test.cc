#include "netsvc/packet/packet.h"

#include <gtest/gtest.h>

#include <functional>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

const Addressing kV4 = Between("10.0.2.15:40000", "93.184.216.34:443");
const Addressing kV6 = Between("[fd00::15]:40000", "[2606:2800:220:1::1]:443");
constexpr size_t kIp = kEthernetHeaderSize;
constexpr size_t kV4Transport = kIp + kIpv4HeaderSize;

Bytes Edited(Bytes frame, const std::function<void(Bytes&)>& edit) {
  edit(frame);
  return frame;
}

ParseError ErrorOf(Bytes frame) {
  Packet packet;
  return Parse(frame, packet);
}

TEST(PacketTest, ReadsATcpSegment) {
  for (const Addressing& addressing : {kV4, kV6}) {
    Bytes frame = TcpFrame(addressing, {.flags = kAck | kPsh,
                                        .sequence = 0x01020304,
                                        .acknowledgment = 0xfffefdfc,
                                        .options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2},
                                        .payload = Pattern(5)});
    Packet packet;
    ASSERT_EQ(Parse(frame, packet), ParseError::kNone);
    EXPECT_EQ(packet.source_mac, GuestMac());
    EXPECT_EQ(packet.destination_mac, GatewayMac());
    EXPECT_EQ(packet.source_endpoint(), addressing.source);
    EXPECT_EQ(packet.destination_endpoint(), addressing.destination);
    EXPECT_EQ(packet.hop_limit, 64);
    EXPECT_TRUE(packet.is_tcp());
    EXPECT_EQ(packet.sequence, 0x01020304u);
    EXPECT_EQ(packet.acknowledgment, 0xfffefdfcu);
    EXPECT_EQ(packet.tcp_flags, kAck | kPsh);
    EXPECT_TRUE(std::ranges::equal(packet.payload(), Pattern(5)));
  }
}

TEST(PacketTest, ReadsADatagramAndTrimsPadding) {
  for (const Addressing& addressing : {kV4, kV6}) {
    Bytes frame = UdpFrame(addressing, Pattern(3));
    const size_t size = frame.size();
    frame.resize(100);
    Packet packet;
    ASSERT_EQ(Parse(frame, packet), ParseError::kNone);
    EXPECT_EQ(packet.frame.size(), size);
    EXPECT_EQ(packet.source_endpoint(), addressing.source);
    EXPECT_TRUE(std::ranges::equal(packet.payload(), Pattern(3)));
  }
}

TEST(PacketTest, ReadsAnEchoOfEitherFamily) {
  const struct {
    Addressing addressing;
    uint8_t type;
    bool request;
    bool reply;
  } kCases[] = {{kV4, 8, true, false}, {kV4, 0, false, true}, {kV6, 128, true, false}, {kV6, 129, false, true},
                {kV4, 128, false, false}, {kV6, 8, false, false}, {kV4, 3, false, false}};
  for (const auto& c : kCases) {
    Bytes frame = IcmpFrame(c.addressing, c.type, 0, {0x12, 0x34, 0x56, 0x78, 'x'});
    Packet packet;
    ASSERT_EQ(Parse(frame, packet), ParseError::kNone);
    EXPECT_EQ(packet.is_echo_request(), c.request);
    EXPECT_EQ(packet.is_echo_reply(), c.reply);
    const bool echo = c.request || c.reply;
    EXPECT_EQ(packet.source_port, echo ? 0x1234 : 0);
    EXPECT_EQ(packet.destination_port, echo ? 0x1234 : 0);
    EXPECT_EQ(packet.icmp_sequence, echo ? 0x5678 : 0);
    EXPECT_EQ(packet.payload().size(), 1u);
  }
}

TEST(PacketTest, OtherProtocolsHaveNoPorts) {
  for (const Addressing& addressing : {kV4, kV6}) {
    Bytes frame = IpFrame(addressing, 47, Pattern(8));
    Packet packet;
    ASSERT_EQ(Parse(frame, packet), ParseError::kNone);
    EXPECT_EQ(packet.protocol, 47);
    EXPECT_EQ(packet.source_port, 0);
    EXPECT_EQ(packet.payload().size(), 8u);
  }
}

TEST(PacketTest, ArpFillsTheEthernetFieldsAlone) {
  Bytes frame = ArpFrame(1, GuestMac(), Ip("10.0.2.15"), Ip("10.0.2.2"));
  Packet packet;
  EXPECT_EQ(Parse(frame, packet), ParseError::kNone);
  EXPECT_EQ(packet.ether_type, kEtherTypeArp);
  EXPECT_EQ(packet.source_mac, GuestMac());
}

TEST(PacketTest, FragmentsFillTheIpFields) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Bytes whole = UdpFrame(addressing, Pattern(64));
    Bytes frame = FragmentOf(whole, 8, 24, false, 7);
    Packet packet;
    EXPECT_EQ(Parse(frame, packet), ParseError::kFragment);
    EXPECT_EQ(packet.source, addressing.source.address);
    EXPECT_EQ(packet.protocol, kUdp);
    EXPECT_TRUE(std::ranges::equal(packet.transport(), std::span(whole).last(64).first(16)));
  }
}

TEST(PacketTest, EveryPrefixOfAFrameIsTooShort) {
  for (const Bytes& whole : {TcpFrame(kV4, {.options = {1, 1, 1, 0}, .payload = Pattern(4)}), UdpFrame(kV6, Pattern(4)),
                             IcmpFrame(kV6, 128, 0, Pattern(4)), TcpFrame(kV6, {})}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(ErrorOf(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size))), ParseError::kTooShort);
    }
  }
}

TEST(PacketTest, SaysWhyAFrameWasNotUnderstood) {
  const Bytes tcp = TcpFrame(kV4, {});
  const Bytes tcp6 = TcpFrame(kV6, {});
  const Bytes udp = UdpFrame(kV4, Pattern(8));
  const auto set = [](size_t at, uint8_t value) {
    return [=](Bytes& frame) { frame[at] = value; };
  };
  const auto set16 = [](size_t at, uint16_t value) {
    return [=](Bytes& frame) { Store16(&frame[at], value); };
  };
  const struct {
    const char* what;
    Bytes frame;
    ParseError error;
  } kCases[] = {
      {"EtherType of NCSI", Edited(tcp, set16(12, 0x88f8)), ParseError::kUnsupported},
      {"VLAN tag", Edited(tcp, set16(12, 0x8100)), ParseError::kUnsupported},
      {"802.3 length", Edited(tcp, set16(12, 46)), ParseError::kUnsupported},
      {"version 5", Edited(tcp, set(kIp, 0x55)), ParseError::kBadHeader},
      {"IPv6 in IPv4's clothes", Edited(tcp, set(kIp, 0x65)), ParseError::kBadHeader},
      {"IPv4 in IPv6's clothes", Edited(tcp6, set(kIp, 0x45)), ParseError::kBadHeader},
      {"header of 4 words", Edited(tcp, set(kIp, 0x44)), ParseError::kBadHeader},
      {"header past the packet", Edited(tcp, set(kIp, 0x4f)), ParseError::kTooShort},
      {"IPv4 options", Edited(tcp, set(kIp, 0x46)), ParseError::kUnsupported},
      {"total length below the header", Edited(tcp, set16(kIp + 2, 19)), ParseError::kTooShort},
      {"total length 0", Edited(tcp, set16(kIp + 2, 0)), ParseError::kTooShort},
      {"total length past the frame", Edited(tcp, set16(kIp + 2, 41)), ParseError::kTooShort},
      {"total length that cuts TCP", Edited(tcp, set16(kIp + 2, 39)), ParseError::kTooShort},
      {"reserved flag", Edited(tcp, set16(kIp + 6, 0x8000)), ParseError::kBadHeader},
      {"DF", Edited(tcp, set16(kIp + 6, 0x4000)), ParseError::kNone},
      {"MF", Edited(tcp, set16(kIp + 6, 0x2000)), ParseError::kFragment},
      {"DF and MF", Edited(tcp, set16(kIp + 6, 0x6000)), ParseError::kFragment},
      {"offset", Edited(tcp, set16(kIp + 6, 1)), ParseError::kFragment},
      {"payload length past the frame", Edited(tcp6, set16(kIp + 4, 21)), ParseError::kTooShort},
      {"payload length 0", Edited(tcp6, set16(kIp + 4, 0)), ParseError::kTooShort},
      {"hop-by-hop options", IpFrame(kV6, 0, {58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0}),
       ParseError::kUnsupported},
      {"routing header", IpFrame(kV6, 43, Pattern(24)), ParseError::kUnsupported},
      {"destination options", IpFrame(kV6, 60, Pattern(24)), ParseError::kUnsupported},
      {"authentication header", IpFrame(kV6, 51, Pattern(24)), ParseError::kUnsupported},
      {"fragment header that is cut", IpFrame(kV6, 44, Pattern(7)), ParseError::kTooShort},
      {"ICMPv6 over IPv4", IpFrame(kV4, 58, Pattern(8)), ParseError::kUnsupported},
      {"ICMP over IPv6", IpFrame(kV6, 1, Pattern(8)), ParseError::kUnsupported},
      {"data offset 4", Edited(tcp, set(kV4Transport + 12, 0x40)), ParseError::kBadHeader},
      {"data offset past the segment", Edited(tcp, set(kV4Transport + 12, 0x60)), ParseError::kTooShort},
      {"option without a length", TcpFrame(kV4, {.options = {1, 1, 1, 2}}), ParseError::kBadHeader},
      {"option of length 0", TcpFrame(kV4, {.options = {2, 0, 1, 1}}), ParseError::kBadHeader},
      {"option of length 1", TcpFrame(kV4, {.options = {2, 1, 1, 1}}), ParseError::kBadHeader},
      {"option past the header", TcpFrame(kV4, {.options = {1, 1, 2, 4}}), ParseError::kBadHeader},
      {"anything after the last option", TcpFrame(kV4, {.options = {1, 0, 2, 77}}), ParseError::kNone},
      {"UDP length below its header", Edited(udp, set16(kV4Transport + 4, 7)), ParseError::kBadHeader},
      {"UDP length 0", Edited(udp, set16(kV4Transport + 4, 0)), ParseError::kBadHeader},
      {"UDP shorter than IP", Edited(udp, set16(kV4Transport + 4, 15)), ParseError::kBadHeader},
      {"UDP longer than IP", Edited(udp, set16(kV4Transport + 4, 17)), ParseError::kTooShort},
  };
  for (const auto& c : kCases) EXPECT_EQ(ErrorOf(c.frame), c.error) << c.what;
}

TEST(PacketTest, TakesTheTcpFlagsThatStacksSend) {
  constexpr int kEceAndCwr = 0xc0;  // RFC 3168
  const int sent[] = {kSyn,        kSyn | kAck,        kSyn | kEceAndCwr, kAck, kAck | kPsh, kAck | kUrg,
                      kFin | kAck, kFin | kAck | kPsh, kRst,              kRst | kAck};
  for (const int flags : sent) {
    EXPECT_EQ(ErrorOf(TcpFrame(kV4, {.flags = static_cast<uint8_t>(flags)})), ParseError::kNone) << flags;
  }
  const int never_sent[] = {0,    kSyn | kFin, kSyn | kRst, kSyn | kFin | kAck, kFin, kFin | kPsh | kUrg,
                            kPsh, kUrg,        kFin | kRst, kEceAndCwr,         0x3f};
  for (const int flags : never_sent) {
    EXPECT_EQ(ErrorOf(TcpFrame(kV4, {.flags = static_cast<uint8_t>(flags)})), ParseError::kBadHeader) << flags;
  }
}

}  // namespace
}  // namespace sluice::packet
