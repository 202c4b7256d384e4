#include "netsvc/policy/ipv4_carrier.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

IpAddress Ip(const std::string& text) { return IpAddress::Parse(text).value(); }
IpPrefix Prefix(const std::string& text) { return IpPrefix::Parse(text).value(); }

std::string Carried(const std::string& outer, const std::vector<IpPrefix>& nat64 = {}) {
  const std::optional<CarriedIpv4> found = FindCarriedIpv4(Ip(outer), nat64);
  return found ? found->address.ToString() + " at " + std::to_string(found->first_bit) : "nothing";
}

TEST(Ipv4CarrierTest, FindsEveryWellKnownForm) {
  EXPECT_EQ(Carried("::ffff:10.1.2.3"), "10.1.2.3 at 96");
  EXPECT_EQ(Carried("::10.1.2.3"), "10.1.2.3 at 96");
  EXPECT_EQ(Carried("64:ff9b::10.1.2.3"), "10.1.2.3 at 96");
  EXPECT_EQ(Carried("2002:0a01:0203::1"), "10.1.2.3 at 16");
  EXPECT_EQ(Carried("2002:0a01:0203:ffff:ffff:ffff:ffff:ffff"), "10.1.2.3 at 16");
  // RFC 4380 section 4: the client's address is inverted.
  EXPECT_EQ(Carried("2001:0:4136:e378:8000:63bf:3fff:fdd2"), "192.0.2.45 at 96");
}

TEST(Ipv4CarrierTest, EdgesOfTheCompatibleForm) {
  EXPECT_EQ(Carried("::"), "nothing");
  EXPECT_EQ(Carried("::1"), "nothing");
  EXPECT_EQ(Carried("::2"), "0.0.0.2 at 96");
  EXPECT_EQ(Carried("::255.255.255.255"), "255.255.255.255 at 96");
  EXPECT_EQ(Carried("::1:0:0"), "nothing");
}

TEST(Ipv4CarrierTest, NeighboursOfTheFormsCarryNothing) {
  for (const char* outer : {"10.1.2.3", "::fffe:10.1.2.3", "::1:ffff:10.1.2.3", "64:ff9b::1:0:0", "64:ff9a::10.1.2.3",
                            "64:ff9b:1::10.1.2.3", "2001:ffff::", "2003::", "2001:1::", "2000:ffff::",
                            "2606:4700::1111"}) {
    EXPECT_EQ(Carried(outer), "nothing") << outer;
  }
}

// The addresses of RFC 6052 section 2.4.
TEST(Ipv4CarrierTest, ReadsEveryNat64Layout) {
  const struct {
    const char* prefix;
    const char* outer;
    const char* carried;
  } kCases[] = {
      {"2001:db8::/32", "2001:db8:c000:221::", "192.0.2.33 at 32"},
      {"2001:db8:100::/40", "2001:db8:1c0:2:21::", "192.0.2.33 at 40"},
      {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::", "192.0.2.33 at 48"},
      {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::", "192.0.2.33 at 56"},
      {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::", "192.0.2.33 at 72"},
      {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33", "192.0.2.33 at 96"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Carried(c.outer, {Prefix(c.prefix)}), c.carried) << c.prefix;
}

TEST(Ipv4CarrierTest, AGivenPrefixGoesBeforeTheWellKnownForms) {
  EXPECT_EQ(Carried("2002:1:2:3::10.1.2.3", {Prefix("2002:1:2:3::/96")}), "10.1.2.3 at 96");
}

TEST(Ipv4CarrierTest, PassesOverPrefixesThatRfc6052DoesNotKnow) {
  for (const char* prefix : {"2001:db8::/33", "2001:db8::/128", "::/0", "10.0.0.0/32"}) {
    EXPECT_FALSE(IsNat64Prefix(Prefix(prefix))) << prefix;
  }
  EXPECT_EQ(Carried("2001:db8::10.1.2.3", {Prefix("2001:db8::/33")}), "nothing");
}

}  // namespace
}  // namespace sluice::policy
