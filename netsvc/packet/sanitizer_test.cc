#include "netsvc/packet/sanitizer.h"

#include <gtest/gtest.h>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/sanitizer_fixture.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

const Addressing kV4 = Between("10.0.2.15:40000", "93.184.216.34:443");
const Addressing kV6 = Between("[fd00::15]:40000", "[2606:2800:220:1::1]:443");

TEST_F(SanitizerTest, LetsGoodPacketsThroughUnchanged) {
  const Bytes kFrames[] = {
      TcpFrame(kV4, {.flags = kSyn, .options = {2, 4, 5, 180}}),
      TcpFrame(kV6, {.flags = kAck | kPsh, .payload = Pattern(1440)}),
      UdpFrame(kV4, Pattern(1)),
      UdpFrame(kV6, {}),
      IcmpFrame(kV4, 8, 0, Pattern(60)),
      IcmpFrame(kV6, 128, 0, Pattern(60)),
      IcmpFrame(kV4, 3, 3, Pattern(32)),
      IpFrame(kV4, 47, Pattern(20)),
      IpFrame(kV6, 59, {}),
      UdpFrame(Between("10.0.2.15:5353", "224.0.0.251:5353"), Pattern(9)),
      UdpFrame(Between("10.0.2.15:137", "10.0.2.255:137"), Pattern(9)),
      UdpFrame(Between("10.0.2.15:68", "10.0.2.2:69"), Pattern(9)),
  };
  for (const Bytes& frame : kFrames) {
    const Sanitizer::Result result = Process(frame);
    EXPECT_EQ(result.verdict, Verdict::kPacket) << result.problem;
    EXPECT_EQ(frame_, frame);
    EXPECT_EQ(result.packet.frame.data(), frame_.data());
  }
}

TEST_F(SanitizerTest, TakesAnyDestinationMac) {
  for (const char* mac : {"ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "01:00:5e:00:00:fb", "02:00:00:00:00:99"}) {
    Addressing addressing = kV4;
    addressing.destination_mac = Mac(mac);
    ExpectVerdict(UdpFrame(addressing, {}), Verdict::kPacket, mac);
  }
}

TEST_F(SanitizerTest, TrimsPadding) {
  Bytes frame = UdpFrame(kV4, {});
  const size_t size = frame.size();
  frame.resize(60);
  EXPECT_EQ(Process(frame).packet.frame.size(), size);
}

TEST_F(SanitizerTest, RefusesOtherSources) {
  const Addressing kSources[] = {
      Between("10.0.2.16:1", "1.2.3.4:80"),        Between("10.0.2.2:1", "1.2.3.4:80"),
      Between("0.0.0.0:1", "1.2.3.4:80"),          Between("127.0.0.1:1", "1.2.3.4:80"),
      Between("255.255.255.255:1", "1.2.3.4:80"),  Between("[fd00::2]:1", "[2001:db8::1]:80"),
      Between("[fd00::3]:1", "[2001:db8::1]:80"),  Between("[fd00::]:1", "[2001:db8::1]:80"),
      Between("[fd01::15]:1", "[2001:db8::1]:80"), Between("[::]:1", "[2001:db8::1]:80"),
      Between("[::1]:1", "[2001:db8::1]:80"),      Between("[ff02::1]:1", "[2001:db8::1]:80"),
      Between("[::ffff:10.0.2.15]:1", "[2001:db8::1]:80"),
  };
  for (const Addressing& addressing : kSources) {
    ExpectVerdict(UdpFrame(addressing, {}), Verdict::kMalformed, addressing.source.ToString());
    ExpectVerdict(TcpFrame(addressing, {.flags = kSyn}), Verdict::kMalformed, addressing.source.ToString());
  }
  Addressing addressing = kV4;
  for (const char* mac : {"02:00:00:00:00:02", "02:00:00:00:00:fe", "03:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"}) {
    addressing.source_mac = Mac(mac);
    ExpectVerdict(UdpFrame(addressing, {}), Verdict::kMalformed, mac);
  }
}

TEST_F(SanitizerTest, LinkLocalSourcesAreOfNoUseBeyondTheLink) {
  ExpectVerdict(UdpFrame(Between("[fe80::15]:5353", "[ff02::fb]:5353"), {}), Verdict::kUnsupported, "mDNS");
  ExpectVerdict(TcpFrame(Between("[fe80::15]:1", "[2001:db8::1]:80"), {}), Verdict::kUnsupported, "TCP");
}

TEST_F(SanitizerTest, RefusesPacketsToTheirOwnSource) {
  ExpectVerdict(TcpFrame(Between("10.0.2.15:80", "10.0.2.15:80"), {.flags = kSyn}), Verdict::kMalformed, "v4");
  ExpectVerdict(UdpFrame(Between("[fd00::15]:1", "[fd00::15]:2"), {}), Verdict::kMalformed, "v6");
}

TEST_F(SanitizerTest, RefusesBadChecksums) {
  const struct {
    const char* what;
    Bytes frame;
    size_t at;
  } kCases[] = {
      {"IPv4 header", TcpFrame(kV4, {}), kIp + 10},
      {"TTL", TcpFrame(kV4, {}), kIp + 8},
      {"TCP", TcpFrame(kV4, {}), kV4Transport + 16},
      {"TCP payload", TcpFrame(kV6, {.payload = Pattern(99)}), kV6Transport + 20 + 98},
      {"UDP", UdpFrame(kV4, Pattern(3)), kV4Transport + 6},
      {"UDP over IPv6", UdpFrame(kV6, Pattern(3)), kV6Transport + 8},
      {"ICMP", IcmpFrame(kV4, 8, 0, Pattern(9)), kV4Transport + 2},
      {"ICMPv6", IcmpFrame(kV6, 128, 0, Pattern(9)), kV6Transport + 2},
      {"IPv6 destination", UdpFrame(kV6, {}), kIp + 39},
  };
  for (const auto& c : kCases) {
    ExpectVerdict(Edited(c.frame, [&](Bytes& frame) { frame[c.at] ^= 0x40; }), Verdict::kMalformed, c.what);
  }
}

TEST_F(SanitizerTest, UdpMayDoWithoutAChecksumOverIpv4Alone) {
  ExpectVerdict(Edited(UdpFrame(kV4, Pattern(3)), [](Bytes& frame) { Store16(&frame[kV4Transport + 6], 0); }),
                Verdict::kPacket, "v4");
  ExpectVerdict(Edited(UdpFrame(kV6, Pattern(3)), [](Bytes& frame) { Store16(&frame[kV6Transport + 6], 0); }),
                Verdict::kMalformed, "v6");
}

TEST_F(SanitizerTest, FillsInPartialChecksums) {
  const Bytes kFrames[] = {TcpFrame(kV4, {.payload = Pattern(501)}), TcpFrame(kV6, {.payload = Pattern(501)}),
                           UdpFrame(kV4, Pattern(501)), UdpFrame(kV6, Pattern(501))};
  for (const Bytes& right : kFrames) {
    const bool v6 = right[kIp] >> 4 == 6;
    const bool tcp = right[v6 ? kIp + 6 : kIp + 9] == kTcp;
    const size_t field = (v6 ? kV6Transport : kV4Transport) + (tcp ? 16 : 6);
    const Bytes partial = Edited(right, [&](Bytes& frame) { Store16(&frame[field], 0x1234); });
    EXPECT_EQ(Process(partial, {.partial_checksum = true}).verdict, Verdict::kPacket);
    EXPECT_EQ(frame_, right);
    EXPECT_EQ(Process(partial).verdict, Verdict::kMalformed);
  }
}

TEST_F(SanitizerTest, FillsInTheChecksumOfASegmentOf64Kilobytes) {
  const struct {
    Addressing addressing;
    Offload::Segmentation segmentation;
    size_t payload;
  } kFamilies[] = {{kV4, Offload::Segmentation::kTcpV4, 65495}, {kV6, Offload::Segmentation::kTcpV6, 65515}};
  for (const auto& family : kFamilies) {
    const Bytes right = TcpFrame(family.addressing, {.payload = Pattern(family.payload)});
    const size_t field = (family.addressing.source.address.is_v6() ? kV6Transport : kV4Transport) + 16;
    const Bytes partial = Edited(right, [&](Bytes& frame) { Store16(&frame[field], 0); });
    const Offload offload{.partial_checksum = true, .segmentation = family.segmentation, .segment_size = 1460};
    EXPECT_EQ(Process(partial, offload).verdict, Verdict::kPacket);
    EXPECT_EQ(frame_, right);
  }
}

TEST_F(SanitizerTest, RefusesSegmentationThatDoesNotFit) {
  using Segmentation = Offload::Segmentation;
  const Bytes tcp4 = TcpFrame(kV4, {});
  const struct {
    const char* what;
    Bytes frame;
    Offload offload;
  } kCases[] = {
      {"family", tcp4, {true, Segmentation::kTcpV6, 1460}},
      {"other family", TcpFrame(kV6, {}), {true, Segmentation::kTcpV4, 1460}},
      {"UDP", UdpFrame(kV4, {}), {true, Segmentation::kTcpV4, 1460}},
      {"full checksum", tcp4, {false, Segmentation::kTcpV4, 1460}},
      {"segments of nothing", tcp4, {true, Segmentation::kTcpV4, 0}},
      {"fragment", FragmentOf(UdpFrame(kV4, Pattern(64)), 0, 32, false, 1), {.partial_checksum = true}},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Process(c.frame, c.offload).verdict, Verdict::kMalformed) << c.what;
  }
}

TEST_F(SanitizerTest, ClearsUrgent) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const struct {
      TcpFields given;
      uint8_t flags;
    } kCases[] = {
        {{.flags = kAck | kUrg, .urgent_pointer = 0xffff, .payload = Pattern(3)}, kAck},
        {{.flags = kAck | kUrg | kPsh, .urgent_pointer = 0, .payload = Pattern(3)}, kAck | kPsh},
        {{.flags = kAck, .urgent_pointer = 7, .payload = Pattern(4)}, kAck},
        {{.flags = kSyn | kUrg, .urgent_pointer = 1}, kSyn},
    };
    for (const auto& c : kCases) {
      TcpFields clean = c.given;
      clean.flags = c.flags;
      clean.urgent_pointer = 0;
      const Sanitizer::Result result = Process(TcpFrame(addressing, c.given));
      EXPECT_EQ(result.verdict, Verdict::kPacket);
      EXPECT_EQ(result.packet.tcp_flags, c.flags);
      EXPECT_EQ(frame_, TcpFrame(addressing, clean));
    }
  }
}

TEST_F(SanitizerTest, RefusesTheLengthsAndHeadersThatParseRefuses) {
  const Bytes tcp = TcpFrame(kV4, {});
  ExpectVerdict({}, Verdict::kMalformed, "nothing");
  ExpectVerdict(Bytes(13), Verdict::kMalformed, "half an Ethernet header");
  ExpectVerdict(Bytes(tcp.begin(), tcp.end() - 1), Verdict::kMalformed, "cut");
  ExpectVerdict(TcpFrame(kV4, {.flags = kSyn | kFin}), Verdict::kMalformed, "SYN and FIN");
  ExpectVerdict(TcpFrame(kV4, {.flags = 0}), Verdict::kMalformed, "no flags");
  ExpectVerdict(Consistent(tcp, [](Bytes& frame) { frame[kIp + 6] = 0x80; }), Verdict::kMalformed, "reserved flag");
  Bytes long_frame = UdpFrame(kV6, Pattern(65527));
  ExpectVerdict(long_frame, Verdict::kPacket, "the largest");
  long_frame.push_back(0);
  ExpectVerdict(long_frame, Verdict::kMalformed, "one more");
}

TEST_F(SanitizerTest, PassesOverWhatNobodyNeeds) {
  const Bytes udp = UdpFrame(kV4, {});
  ExpectVerdict(Edited(udp, [](Bytes& frame) { Store16(&frame[12], 0x88f8); }), Verdict::kUnsupported, "NCSI");
  ExpectVerdict(Edited(udp, [](Bytes& frame) { Store16(&frame[12], 0x88cc); }), Verdict::kUnsupported, "LLDP");
  // IGMP bears a router alert option.
  ExpectVerdict(Consistent(IpFrame(kV4, 2, Pattern(12)), [](Bytes& frame) { frame[kIp] = 0x46; }),
                Verdict::kUnsupported, "IPv4 options");
  ExpectVerdict(IpFrame(Between("[fe80::15]:0", "[ff02::16]:0"), 0,
                        {58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0}),
                Verdict::kUnsupported, "MLDv2");
  ExpectVerdict(IcmpFrame(Between("[fe80::15]:0", "[ff02::16]:0"), 143, 0, Pattern(20)), Verdict::kUnsupported,
                "MLDv2 without its option");
  ExpectVerdict(IcmpFrame(Between("[fe80::15]:0", "[ff02::1]:0"), 134, 0, Pattern(12)), Verdict::kUnsupported, "router");
  ExpectVerdict(IcmpFrame(Between("[fe80::15]:0", "[ff02::1]:0"), 137, 0, Pattern(36)), Verdict::kUnsupported, "redirect");
  ExpectVerdict(IpFrame(kV6, 43, Pattern(24)), Verdict::kUnsupported, "routing header");
}

TEST_F(SanitizerTest, JudgesFragmentsOnceTheyAreWhole) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Bytes packet = TcpFrame(addressing, {.flags = kAck | kUrg, .urgent_pointer = 99, .payload = Pattern(100)});
    EXPECT_EQ(Process(FragmentOf(packet, 64, 120, true, 5)).verdict, Verdict::kHeld);
    const Sanitizer::Result result = Process(FragmentOf(packet, 0, 64, false, 5));
    ASSERT_EQ(result.verdict, Verdict::kPacket) << result.problem;
    const Bytes clean = Identified(TcpFrame(addressing, {.payload = Pattern(100)}), 5);
    EXPECT_TRUE(std::ranges::equal(result.packet.frame, clean));
  }
  EXPECT_EQ(sanitizer_.reassembly().whole, 2u);
}

TEST_F(SanitizerTest, RefusesFragmentsThatLie) {
  const Bytes packet = UdpFrame(kV4, Pattern(56));
  const auto process = [&](size_t begin, size_t end, bool last, uint32_t id) {
    return Process(FragmentOf(packet, begin, end, last, id)).verdict;
  };
  EXPECT_EQ(process(0, 32, false, 1), Verdict::kHeld);
  EXPECT_EQ(process(24, 64, true, 1), Verdict::kMalformed);
  EXPECT_EQ(process(32, 64, true, 1), Verdict::kMalformed);  // condemned

  const Bytes spoofed = UdpFrame(Between("10.0.2.16:1", "1.2.3.4:80"), Pattern(56));
  ExpectVerdict(FragmentOf(spoofed, 0, 32, false, 2), Verdict::kMalformed, "another's source");
  const Bytes dhcp = UdpFrame(Between("0.0.0.0:68", "255.255.255.255:67"), Pattern(56));
  ExpectVerdict(FragmentOf(dhcp, 0, 32, false, 2), Verdict::kMalformed, "DHCP in pieces");
  ExpectVerdict(Edited(FragmentOf(packet, 0, 32, false, 3), [](Bytes& frame) { frame[kIp + 10] ^= 1; }),
                Verdict::kMalformed, "header checksum");

  const Bytes bad_checksum = Edited(packet, [](Bytes& frame) { frame.back() ^= 1; });
  ExpectVerdict(FragmentOf(bad_checksum, 0, 32, false, 4), Verdict::kHeld, "the first");
  ExpectVerdict(FragmentOf(bad_checksum, 32, 64, true, 4), Verdict::kMalformed, "the whole");

  const Bytes nested = FragmentOf(UdpFrame(kV6, Pattern(56)), 0, 32, false, 9);
  ExpectVerdict(FragmentOf(nested, 0, 40, true, 5), Verdict::kMalformed, "fragment of a fragment");
  ExpectVerdict(FragmentOf(IpFrame(kV6, 43, Pattern(24)), 0, 24, true, 6), Verdict::kUnsupported,
                "routing header in a fragment");
}

TEST_F(SanitizerTest, AGuestWithoutIpv6HasNoIpv6Source) {
  Sanitizer v4_only({.guest_mac = GuestMac(),
                     .guest_ipv4 = Ip("10.0.2.15"),
                     .ipv6_subnet = IpPrefix(),
                     .gateway_addresses = {Ip("10.0.2.2")}});
  Bytes frame = UdpFrame(kV6, {});
  EXPECT_EQ(v4_only.Process({frame, {}}, now_).verdict, Verdict::kMalformed);
}

}  // namespace
}  // namespace sluice::packet
