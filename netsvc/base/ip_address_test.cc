#include "netsvc/base/ip_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(IpAddressTest, ParsesAndPrints) {
  const struct {
    const char* text;
    const char* printed;
    bool v6;
  } kCases[] = {
      {"0.0.0.0", "0.0.0.0", false},
      {"255.255.255.255", "255.255.255.255", false},
      {"10.0.2.15", "10.0.2.15", false},
      {"::", "::", true},
      {"::1", "::1", true},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", true},
      {"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1", true},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", true},
      {"::ffff:1.2.3.4", "::ffff:1.2.3.4", true},
      {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
  };
  for (const auto& c : kCases) {
    const std::optional<IpAddress> address = IpAddress::Parse(c.text);
    ASSERT_TRUE(address) << c.text;
    EXPECT_EQ(address->ToString(), c.printed);
    EXPECT_EQ(address->is_v6(), c.v6) << c.text;
    EXPECT_EQ(IpAddress::Parse(address->ToString()), address) << c.text;
  }
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  for (const absl::string_view text :
       {absl::string_view(""), absl::string_view("1.2.3"), absl::string_view("1.2.3.4.5"),
        absl::string_view("256.1.1.1"), absl::string_view("01.2.3.4"), absl::string_view("0x7f.0.0.1"),
        absl::string_view("2130706433"), absl::string_view("1.2.3.4 "), absl::string_view(" 1.2.3.4"),
        absl::string_view("fe80::1%eth0"), absl::string_view("[::1]"), absl::string_view(":::"),
        absl::string_view("1:2:3:4:5:6:7:8:9"), absl::string_view("localhost"), absl::string_view("1.2.3.4\0", 8),
        absl::string_view("1.2.3.4\0.evil", 13)}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string(1000, '1')));
}

TEST(IpAddressTest, FamiliesNeverCompareEqual) {
  const IpAddress v4 = *IpAddress::Parse("1.2.3.4");
  EXPECT_NE(v4, *IpAddress::Parse("::ffff:1.2.3.4"));
  EXPECT_NE(v4, *IpAddress::Parse("102:304::"));  // the same leading bytes
  EXPECT_NE(IpAddress(), *IpAddress::Parse("::"));
  EXPECT_LT(*IpAddress::Parse("255.255.255.255"), *IpAddress::Parse("::"));
}

TEST(IpAddressTest, OrdersByBytes) {
  EXPECT_LT(*IpAddress::Parse("9.0.0.0"), *IpAddress::Parse("10.0.0.0"));
  EXPECT_LT(*IpAddress::Parse("127.255.255.255"), *IpAddress::Parse("128.0.0.0"));
  EXPECT_LT(*IpAddress::Parse("7fff::"), *IpAddress::Parse("8000::"));
}

TEST(IpAddressTest, ConvertsToAndFromTheSystemsTypes) {
  const IpAddress v4 = IpAddress::V4(0x01020304);
  EXPECT_EQ(v4.ToString(), "1.2.3.4");
  EXPECT_EQ(v4.v4(), 0x01020304u);
  EXPECT_EQ(v4.bits(), 32);
  EXPECT_EQ(v4.bytes().size(), IpAddress::kV4Size);
  EXPECT_EQ(IpAddress::V4(v4.ToInAddr()), v4);

  const IpAddress v6 = *IpAddress::Parse("2001:db8::5");
  EXPECT_EQ(v6.bits(), 128);
  EXPECT_EQ(v6.bytes().size(), IpAddress::kV6Size);
  EXPECT_EQ(IpAddress::V6(v6.ToIn6Addr()), v6);
  EXPECT_EQ(IpAddress::V6Bytes(v6.bytes().first<IpAddress::kV6Size>()), v6);
}

TEST(IpAddressTest, ReadsSockaddrs) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(0x7f000001);
  EXPECT_EQ(IpAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&in))->ToString(), "127.0.0.1");
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_addr = in6addr_loopback;
  EXPECT_EQ(IpAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&in6))->ToString(), "::1");
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(IpAddress::FromSockaddr(&other));
}

TEST(IpAddressTest, KnowsTheUnspecifiedOnes) {
  EXPECT_TRUE(IpAddress().IsUnspecified());
  EXPECT_TRUE(IpAddress::Parse("::")->IsUnspecified());
  EXPECT_FALSE(IpAddress::Parse("::1")->IsUnspecified());
  EXPECT_FALSE(IpAddress::Parse("0.0.0.1")->IsUnspecified());
}

}  // namespace
}  // namespace sluice
