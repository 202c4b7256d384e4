#include "netsvc/base/ip_prefix.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

IpAddress Ip(const char* text) { return IpAddress::Parse(text).value(); }
IpPrefix Prefix(const char* text) { return IpPrefix::Parse(text).value(); }

TEST(IpPrefixTest, ParsesAndPrints) {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12", "1.2.3.4/32", "1.2.3.4/31", "::/0", "fc00::/7",
                           "64:ff9b::/96", "::1/128"}) {
    const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(text);
    ASSERT_TRUE(prefix.ok()) << prefix.status();
    EXPECT_EQ(prefix->ToString(), text);
  }
}

TEST(IpPrefixTest, OneAddressIsItsOwnPrefix) {
  EXPECT_EQ(Prefix("1.2.3.4"), Prefix("1.2.3.4/32"));
  EXPECT_EQ(Prefix("::1"), Prefix("::1/128"));
}

TEST(IpPrefixTest, RefusesWithAReason) {
  const struct {
    const char* text;
    const char* reason;
  } kCases[] = {
      {"", "is not an IP address or prefix"},
      {"/8", "is not an IP address or prefix"},
      {"10.0.0.0.0/8", "is not an IP address or prefix"},
      {"example.com", "is not an IP address or prefix"},
      {"10.0.0.0/33", "must be 0 to 32"},
      {"::/129", "must be 0 to 128"},
      {"10.0.0.0/", "must be 0 to 32"},
      {"10.0.0.0/-1", "must be 0 to 32"},
      {"10.0.0.0/+8", "must be 0 to 32"},
      {"10.0.0.0/ 8", "must be 0 to 32"},
      {"10.0.0.0/8 ", "must be 0 to 32"},
      {"10.0.0.0/8/8", "must be 0 to 32"},
      {"10.0.0.0/99999999999", "must be 0 to 32"},
      {"10.0.0.0/255.0.0.0", "must be 0 to 32"},
      {"10.0.0.1/8", "did you mean 10.0.0.0/8?"},
      {"2001:db8::1/64", "did you mean 2001:db8::/64?"},
      {"1.2.3.5/31", "did you mean 1.2.3.4/31?"},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(c.text);
    EXPECT_EQ(prefix.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_NE(std::string(prefix.status().message()).find(c.reason), std::string::npos) << prefix.status();
  }
}

TEST(IpPrefixTest, ContainsExactlyItsAddresses) {
  const struct {
    const char* prefix;
    const char* inside;
    const char* outside;
  } kCases[] = {
      {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
      {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
      {"172.16.0.0/12", "172.16.0.0", "172.15.255.255"},
      {"100.64.0.0/10", "100.127.255.255", "100.128.0.0"},
      {"1.2.3.4/32", "1.2.3.4", "1.2.3.5"},
      {"1.2.3.4/31", "1.2.3.5", "1.2.3.6"},
      {"fc00::/7", "fdff:ffff::1", "fe00::"},
      {"fe80::/10", "febf:ffff::", "fec0::"},
      {"64:ff9b::/96", "64:ff9b::ffff:ffff", "64:ff9b::1:0:0"},
      {"0.0.0.0/0", "255.255.255.255", "::"},
      {"::/0", "ffff::", "0.0.0.0"},
      {"::ffff:0:0/96", "::ffff:1.2.3.4", "1.2.3.4"},
      {"::1/128", "::1", "::"},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(Prefix(c.prefix).Contains(Ip(c.inside))) << c.prefix << " " << c.inside;
    EXPECT_FALSE(Prefix(c.prefix).Contains(Ip(c.outside))) << c.prefix << " " << c.outside;
  }
}

TEST(IpPrefixTest, ConstructionClearsHostBits) {
  EXPECT_EQ(IpPrefix(Ip("10.1.2.3"), 8), Prefix("10.0.0.0/8"));
  EXPECT_EQ(IpPrefix(Ip("10.1.2.3"), 0), Prefix("0.0.0.0/0"));
  EXPECT_EQ(IpPrefix(Ip("ffff:ffff::"), 17), Prefix("ffff:8000::/17"));
}

TEST(IpPrefixTest, CountsAddressesWithCarry) {
  EXPECT_EQ(Prefix("10.0.2.0/24").At(0), Ip("10.0.2.0"));
  EXPECT_EQ(Prefix("10.0.2.0/24").At(15), Ip("10.0.2.15"));
  EXPECT_EQ(Prefix("10.0.0.0/8").At(0x1ffff), Ip("10.1.255.255"));
  EXPECT_EQ(Prefix("fd00::ffff:0/112").At(0xffff), Ip("fd00::ffff:ffff"));
  EXPECT_EQ(Prefix("fd00::/64").At(0xffffffff), Ip("fd00::ffff:ffff"));
}

}  // namespace
}  // namespace sluice
