#include "netsvc/packet/router_advertisement.h"

#include <gtest/gtest.h>

#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes BytesOf(const IpAddress& address) { return Bytes(address.bytes().begin(), address.bytes().end()); }

TEST(RouterAdvertisementTest, IsWhatTheRfcsDraw) {
  Bytes frame(kRouterAdvertisementFrameSize);
  const Addressing addressing = Between("[fe80::2]:0", "[ff02::1]:0");
  ASSERT_EQ(BuildRouterAdvertisement(
                addressing, {.prefix = *IpPrefix::Parse("fd00:1::/64"), .mtu = 1500, .dns = Ip("fd00:1::3")}, frame),
            frame.size());
  EXPECT_TRUE(ChecksumsAreRight(frame));
  Packet packet;
  ASSERT_EQ(Parse(frame, packet), ParseError::kNone);
  EXPECT_TRUE(IsRouterAdvertisement(packet));
  EXPECT_EQ(packet.hop_limit, 255);
  const Bytes fixed = {64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes mac = {1, 1, 2, 0, 0, 0, 0, 1};
  const Bytes mtu = {5, 1, 0, 0, 0, 0, 0x05, 0xdc};
  const Bytes prefix = {3, 4, 64, 0xc0, 0, 0x27, 0x8d, 0, 0, 0x09, 0x3a, 0x80, 0, 0, 0, 0};
  const Bytes dns = {25, 3, 0, 0, 0, 0, 0x07, 0x08};
  const std::span<const uint8_t> message = packet.transport().subspan(4);
  EXPECT_EQ(Bytes(message.begin(), message.end()),
            fixed + mac + mtu + prefix + BytesOf(Ip("fd00:1::")) + dns + BytesOf(Ip("fd00:1::3")));
}

TEST(RouterAdvertisementTest, NothingWhereItDoesNotFit) {
  Bytes frame(kRouterAdvertisementFrameSize - 1);
  EXPECT_EQ(BuildRouterAdvertisement(Between("[fe80::2]:0", "[ff02::1]:0"), {}, frame), 0u);
}

}  // namespace
}  // namespace sluice::packet
