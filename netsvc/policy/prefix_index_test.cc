#include "netsvc/policy/prefix_index.h"

#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "gtest/gtest.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/policy/address_bits.h"

namespace sluice::policy {
namespace {

// Prefix i is named by rule i, which has every service; those in `denied` deny.
template <typename Key>
class Fixture {
 public:
  explicit Fixture(const std::vector<std::string>& prefixes, RuleIndex first_denial = kNoRule)
      : rules_(prefixes.size()) {
    for (Rule& rule : rules_) rule.services = {{0, kAnyService}};
    ServiceMaps::Builder builder(rules_);
    std::vector<PrefixEntry> entries;
    for (RuleIndex i = 0; i < prefixes.size(); ++i) {
      const ServiceMaps::Map map = builder.Add(std::vector<RuleIndex>{i});
      entries.push_back({IpPrefix::Parse(prefixes[i]).value(), i, map, i >= first_denial ? map : ServiceMaps::Map{}});
    }
    maps_ = std::move(builder).Build();
    index_ = PrefixIndex<Key>(std::move(entries));
  }

  RuleIndex Find(const std::string& address, int denials_up_to = -1) const {
    return index_.Find(maps_, static_cast<Key>(AddressBits(IpAddress::Parse(address).value())), 80, denials_up_to);
  }

 private:
  std::vector<Rule> rules_;
  ServiceMaps maps_;
  PrefixIndex<Key> index_;
};

using V4 = Fixture<uint32_t>;
using V6 = Fixture<absl::uint128>;

TEST(PrefixIndexTest, EmptyFindsNothing) {
  EXPECT_EQ(V4({}).Find("0.0.0.0"), kNoRule);
  EXPECT_EQ(V6({}).Find("ffff::"), kNoRule);
}

TEST(PrefixIndexTest, BothEdgesOfAPrefixBelongToIt) {
  const V4 index({"10.1.0.0/16"});
  EXPECT_EQ(index.Find("10.0.255.255"), kNoRule);
  EXPECT_EQ(index.Find("10.1.0.0"), 0u);
  EXPECT_EQ(index.Find("10.1.255.255"), 0u);
  EXPECT_EQ(index.Find("10.2.0.0"), kNoRule);
}

TEST(PrefixIndexTest, EdgesOfTheAddressSpace) {
  const V4 v4({"0.0.0.0/32", "255.255.255.255/32", "255.0.0.0/8", "0.0.0.0/0"});
  EXPECT_EQ(v4.Find("0.0.0.0"), 0u);
  EXPECT_EQ(v4.Find("0.0.0.1"), 3u);
  EXPECT_EQ(v4.Find("255.255.255.255"), 1u);
  EXPECT_EQ(v4.Find("255.255.255.254"), 2u);
  const V6 v6({"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "::/128", "::/0"});
  EXPECT_EQ(v6.Find("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0u);
  EXPECT_EQ(v6.Find("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 2u);
  EXPECT_EQ(v6.Find("::"), 1u);
}

TEST(PrefixIndexTest, TheLowestRuleOfAllPrefixesAroundShows) {
  const V4 index({"10.0.0.0/16", "10.0.0.0/8", "10.0.1.0/24", "10.0.1.0/32", "10.7.0.0/16"});
  EXPECT_EQ(index.Find("10.0.1.0"), 0u);
  EXPECT_EQ(index.Find("10.7.0.0"), 1u);
  const V4 reversed({"10.0.1.0/32", "10.0.1.0/24", "10.0.0.0/8", "10.0.0.0/16"});
  EXPECT_EQ(reversed.Find("10.0.1.0"), 0u);
  EXPECT_EQ(reversed.Find("10.0.1.1"), 1u);
  EXPECT_EQ(reversed.Find("10.0.2.1"), 2u);
  EXPECT_EQ(reversed.Find("11.0.0.0"), kNoRule);
}

TEST(PrefixIndexTest, NeighboursWithACommonEnd) {
  const V4 index({"10.0.0.128/25", "10.0.0.0/24", "10.0.0.192/26", "10.0.1.0/24"});
  EXPECT_EQ(index.Find("10.0.0.255"), 0u);
  EXPECT_EQ(index.Find("10.0.0.127"), 1u);
  EXPECT_EQ(index.Find("10.0.1.0"), 3u);
  EXPECT_EQ(index.Find("10.0.2.0"), kNoRule);
}

TEST(PrefixIndexTest, ShortPrefixesCanBeLimitedToTheirDenials) {
  const V6 index({"::/0", "64:ff9b::/96", "64:ff9b::a00:0/104", "64:ff9b::/64"}, 3);
  EXPECT_EQ(index.Find("64:ff9b::a01:203"), 0u);
  EXPECT_EQ(index.Find("64:ff9b::a01:203", 96), 2u);
  EXPECT_EQ(index.Find("64:ff9b::b01:203", 96), 3u);
}

}  // namespace
}  // namespace sluice::policy
