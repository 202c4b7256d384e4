#include "netsvc/policy/never_allowed.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/floor.h"
#include "netsvc/policy/random_policy.h"

namespace sluice::policy {
namespace {

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

bool Never(const std::string& policy, const std::string& address, const std::string& dns = "",
           std::span<const Rule> floor = {}, std::span<const IpPrefix> nat64 = {}) {
  int longest = -1;
  bool never = false;
  const IpAddress wanted = *IpAddress::Parse(address);
  const IpAddress aliases[] = {*IpAddress::Parse("10.0.2.2"), *IpAddress::Parse("fd73:6c75:6963:1::2")};
  for (const PrefixFate& fate :
       NeverAllowed(Proto<v1::NetworkPolicy>(policy), floor, Proto<v1::DnsConfig>(dns), {aliases, nat64})) {
    if (!fate.prefix.Contains(wanted) || fate.prefix.length() < longest) continue;
    longest = fate.prefix.length();
    never = fate.never;
  }
  return never;
}

constexpr char kPublicOnly[] = "preset: PRESET_PUBLIC_ONLY";
const char* const kNotPublic[] = {"10.1.2.3",      "192.168.77.1",         "172.20.0.1", "100.64.0.1", "169.254.169.254",
                                  "169.254.1.1",   "127.0.0.1",            "224.0.0.1",  "0.0.0.0",    "255.255.255.255",
                                  "::1",           "fd00::1",              "fe80::1",    "ff02::1",    "::ffff:10.1.2.3",
                                  "fd00:ec2::254", "64:ff9b::169.254.1.1", "2002:a01:203::1"};

TEST(NeverAllowedTest, PublicOnlyNeverReachesWhatIsNotPublic) {
  for (const char* preset : {"PUBLIC_ONLY", "DENYLIST", "ALLOWLIST"}) {
    const std::string policy = std::string("preset: PRESET_") + preset;
    for (const char* address : kNotPublic) EXPECT_TRUE(Never(policy, address)) << preset << " " << address;
    for (const char* address : {"8.8.8.8", "2606:2800:220:1::1", "64:ff9b::8.8.8.8", "::ffff:1.1.1.1"}) {
      EXPECT_FALSE(Never(policy, address)) << preset << " " << address;
    }
  }
}

TEST(NeverAllowedTest, AllowAllMayReachEverythingAndNoneNothing) {
  for (const char* address : kNotPublic) {
    EXPECT_FALSE(Never("preset: PRESET_ALLOW_ALL", address)) << address;
    EXPECT_TRUE(Never("preset: PRESET_NONE", address)) << address;
  }
  EXPECT_TRUE(Never("preset: PRESET_NONE", "8.8.8.8"));
}

TEST(NeverAllowedTest, ARuleOpensItsGroupAlone) {
  const std::string policy = R"(preset: PRESET_ALLOWLIST
      rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_LINK_LOCAL } })";
  EXPECT_FALSE(Never(policy, "169.254.1.1"));
  EXPECT_FALSE(Never(policy, "fe80::1"));
  EXPECT_TRUE(Never(policy, "169.254.169.254"));
  EXPECT_TRUE(Never(policy, "10.1.2.3"));
}

TEST(NeverAllowedTest, HostOpensTheLoopbackInterfaceBehindItsAlias) {
  const std::string policy = R"(preset: PRESET_PUBLIC_ONLY
      rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_HOST } })";
  EXPECT_FALSE(Never(policy, "127.0.0.1"));
  EXPECT_FALSE(Never(policy, "::1"));
  EXPECT_TRUE(Never(policy, "10.1.2.3"));
}

TEST(NeverAllowedTest, SoDoTheAliasItselfAndItsName) {
  for (const char* peer : {"cidr: '10.0.2.2'", "cidr: '10.0.0.0/8'", "cidr: 'fd73:6c75:6963:1::/64'",
                           "domain: 'host.sluice.internal'", "domain: '*.internal'"}) {
    const std::string policy =
        std::string("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { ") + peer + " } }";
    EXPECT_FALSE(Never(policy, "127.0.0.1")) << peer;
    EXPECT_FALSE(Never(policy, "::1")) << peer;
    EXPECT_TRUE(Never(policy, "192.168.77.1")) << peer;
  }
  EXPECT_TRUE(Never("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.9.0.0/16' } }", "127.0.0.1"));
}

TEST(NeverAllowedTest, ACidrOpensItselfAndNoMore) {
  const std::string policy = R"(preset: PRESET_PUBLIC_ONLY
      rules { action: ACTION_ALLOW peers { cidr: "10.1.2.0/24" } peers { cidr: "192.168.0.0/16" } })";
  EXPECT_FALSE(Never(policy, "10.1.2.3"));
  EXPECT_FALSE(Never(policy, "64:ff9b::10.1.2.3"));
  EXPECT_TRUE(Never(policy, "10.1.3.3"));
  EXPECT_FALSE(Never(policy, "192.168.77.1"));
  // A wide one opens every row inside it.
  const std::string wide = R"(preset: PRESET_ALLOWLIST
      rules { action: ACTION_ALLOW peers { cidr: "0.0.0.0/0" } })";
  for (const char* address : {"10.1.2.3", "169.254.169.254", "127.0.0.1"}) EXPECT_FALSE(Never(wide, address));
  EXPECT_TRUE(Never(wide, "fd00::1"));
}

TEST(NeverAllowedTest, DenialsAndIngressOpenNothing) {
  for (const char* rule : {"action: ACTION_DENY peers { cidr: '10.0.0.0/8' }",
                           "action: ACTION_ALLOW direction: DIRECTION_INGRESS peers { cidr: '10.0.0.0/8' }"}) {
    EXPECT_TRUE(Never(std::string(kPublicOnly) + " rules { " + rule + " }", "10.1.2.3")) << rule;
  }
  EXPECT_FALSE(Never(std::string(kPublicOnly) + " rules { action: ACTION_ALLOW }", "10.1.2.3"));
}

TEST(NeverAllowedTest, NamesOpenEverythingOnlyWhereTheyMayLeadAnywhere) {
  const std::string policy = R"(preset: PRESET_ALLOWLIST
      rules { action: ACTION_ALLOW peers { domain: "*.corp.example" } })";
  EXPECT_TRUE(Never(policy, "10.1.2.3"));
  EXPECT_TRUE(Never(policy, "10.1.2.3", "rebinding_protection: true"));
  EXPECT_FALSE(Never(policy, "10.1.2.3", "rebinding_exempt_domains: '*.corp.example'"));
  EXPECT_FALSE(Never(policy, "10.1.2.3", "rebinding_protection: false"));
  EXPECT_TRUE(Never(kPublicOnly, "10.1.2.3", "rebinding_protection: false"));
}

// A NAT64 prefix may lie in a range that is not public: what it carries decides.
TEST(NeverAllowedTest, NetworksOwnNat64PrefixCarriesWhatItCarries) {
  const struct {
    const char* prefix;
    const char* open;    // carries 8.8.8.8
    const char* closed;  // carries 10.1.2.3
  } kCases[] = {{"fd64:1::/32", "fd64:1:808:808::", "fd64:1:a01:203::"},
                {"fd64:1:ff00::/40", "fd64:1:ff08:808:8::", "fd64:1:ff0a:102:3::"},
                {"fd64:1:2::/48", "fd64:1:2:808:8:800::", "fd64:1:2:a01:2:300::"},
                {"fd64:1:2:ff00::/56", "fd64:1:2:ff08:8:808::", "fd64:1:2:ff0a:1:203::"},
                {"fd64:1:2:3::/64", "fd64:1:2:3:8:808:800:0", "fd64:1:2:3:a:102:300:0"},
                {"2001:db8::/32", "2001:db8:808:808::", "2001:db8:a01:203::"},
                {"64:ff9b:1::/96", "64:ff9b:1::8.8.8.8", "64:ff9b:1::10.1.2.3"},
                {"2001:67c:2960:6464::/96", "2001:67c:2960:6464::8.8.8.8", "2001:67c:2960:6464::10.1.2.3"}};
  for (const auto& [text, open, closed] : kCases) {
    const IpPrefix nat64[] = {IpPrefix::Parse(text).value()};
    const AddressGroups groups({.nat64 = {nat64[0]}});
    ASSERT_EQ(groups.Classify(*IpAddress::Parse(open)), v1::ADDRESS_GROUP_PUBLIC) << text;
    ASSERT_EQ(groups.Classify(*IpAddress::Parse(closed)), v1::ADDRESS_GROUP_PRIVATE) << text;
    EXPECT_FALSE(Never(kPublicOnly, open, "", {}, nat64)) << text;
    EXPECT_TRUE(Never(kPublicOnly, closed, "", {}, nat64)) << text;
    const std::string lan = std::string(kPublicOnly) + " rules { action: ACTION_ALLOW peers { cidr: '10.1.0.0/16' } }";
    EXPECT_FALSE(Never(lan, closed, "", {}, nat64)) << text;
  }
  EXPECT_TRUE(Never(kPublicOnly, "fd64:1::808:808")) << "without such a prefix it is a private address";
}

class FloorFatesTest : public testing::Test {
 protected:
  // Of ALLOW_ALL, or another policy, behind a floor.
  static bool Closed(const std::string& floor, const std::string& address,
                     const std::string& policy = "preset: PRESET_ALLOW_ALL", const std::string& dns = "") {
    return Never(policy, address, dns, ParseFloor(Proto<v1::NetworkPolicy>(floor).rules()).value());
  }
};

TEST_F(FloorFatesTest, WhatItDeniesIsClosedWhateverTheCallerAllows) {
  const std::string lan = "rules { action: ACTION_DENY peers { cidr: '10.0.0.0/8' } peers { cidr: '93.184.216.0/24' } }";
  for (const char* policy : {"preset: PRESET_ALLOW_ALL",
                             "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.0/24' } }"}) {
    for (const char* address : {"10.1.2.3", "93.184.216.34", "64:ff9b::10.1.2.3", "::ffff:93.184.216.34"}) {
      EXPECT_TRUE(Closed(lan, address, policy)) << policy << " " << address;
      EXPECT_FALSE(Closed("", address, "preset: PRESET_ALLOW_ALL")) << address;
    }
    EXPECT_FALSE(Closed(lan, "93.184.217.34", policy)) << policy;
  }
  EXPECT_FALSE(Closed(lan, "192.168.0.1"));
}

TEST_F(FloorFatesTest, ADenialOfSomeServicesClosesNothing) {
  const std::string peers = "peers { cidr: '10.0.0.0/8' }";
  EXPECT_FALSE(Closed("rules { action: ACTION_DENY ports { first: 25 } " + peers + " }", "10.1.2.3"));
  EXPECT_FALSE(Closed("rules { action: ACTION_DENY direction: DIRECTION_INGRESS " + peers + " }", "10.1.2.3"));
}

TEST_F(FloorFatesTest, WhatItAllowsFirstIsOpenAndNoMore) {
  const std::string allow = "rules { action: ACTION_ALLOW ports { first: 443 } peers { cidr: '10.5.0.0/16' } }";
  const std::string deny = "rules { action: ACTION_DENY peers { cidr: '10.0.0.0/8' } }";
  for (const std::string& floor : {allow, allow + deny}) {
    EXPECT_FALSE(Closed(floor, "10.5.0.1", kPublicOnly));
    EXPECT_FALSE(Closed(floor, "64:ff9b::10.5.0.1", kPublicOnly));
    EXPECT_TRUE(Closed(floor, "10.6.0.1", kPublicOnly));
    EXPECT_TRUE(Closed(floor, "192.168.0.1", kPublicOnly));
    EXPECT_TRUE(Closed(floor, "127.0.0.1", kPublicOnly));
  }
  EXPECT_TRUE(Closed(deny + allow, "10.5.0.1", kPublicOnly));
  // A wide IPv6 prefix opens no IPv4 address that it carries.
  EXPECT_TRUE(Closed("rules { action: ACTION_ALLOW peers { cidr: '64:ff9b::/96' } }", "64:ff9b::10.5.0.1", kPublicOnly));
}

TEST_F(FloorFatesTest, GroupsAreClosedWithTheHostForItsAddressesAreUnknown) {
  const std::string groups = "rules { action: ACTION_DENY peers { group: ADDRESS_GROUP_PRIVATE } peers { group: ADDRESS_GROUP_METADATA } }";
  const std::string host = "rules { action: ACTION_DENY peers { group: ADDRESS_GROUP_HOST } }";
  EXPECT_TRUE(Closed(groups, "169.254.169.254"));
  EXPECT_FALSE(Closed(groups, "169.254.1.1"));
  EXPECT_FALSE(Closed(groups, "10.1.2.3"));
  EXPECT_TRUE(Closed(groups + host, "10.1.2.3"));
  EXPECT_FALSE(Closed(groups + host, "8.8.8.8"));
  EXPECT_FALSE(Closed("rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_HOST } }" + groups + host, "10.1.2.3"));
}

TEST_F(FloorFatesTest, TheLoopbackInterfaceIsClosedWithTheHost) {
  const std::string loopback = "rules { action: ACTION_DENY peers { group: ADDRESS_GROUP_LOOPBACK } }";
  const std::string host = "rules { action: ACTION_DENY peers { group: ADDRESS_GROUP_HOST } }";
  EXPECT_FALSE(Closed(loopback, "127.0.0.1"));
  EXPECT_TRUE(Closed(loopback + host, "127.0.0.1"));
  for (const char* gateway : {"cidr: '10.0.2.2'", "domain: 'host.sluice.internal'", "group: ADDRESS_GROUP_HOST"}) {
    const std::string allow = std::string("rules { action: ACTION_ALLOW peers { ") + gateway + " } }";
    EXPECT_FALSE(Closed(allow + loopback + host, "127.0.0.1")) << gateway;
    EXPECT_FALSE(Closed(allow, "127.0.0.1", kPublicOnly)) << gateway;
  }
}

TEST_F(FloorFatesTest, DenyingEverythingLeavesWhatWasAllowedBefore) {
  const std::string floor =
      "rules { action: ACTION_ALLOW peers { cidr: '10.5.0.1' } } rules { action: ACTION_DENY }";
  EXPECT_FALSE(Closed(floor, "10.5.0.1"));
  for (const char* address : {"10.5.0.2", "8.8.8.8", "2606:2800:220:1::1", "127.0.0.1"}) EXPECT_TRUE(Closed(floor, address));
}

TEST_F(FloorFatesTest, NamesThatItAllowsMayLeadToPublicAddressesAndWhereUnprotectedAnywhere) {
  const std::string floor =
      "rules { action: ACTION_ALLOW peers { domain: 'mirror.test' } } rules { action: ACTION_DENY }";
  EXPECT_FALSE(Closed(floor, "8.8.8.8", kPublicOnly));
  EXPECT_TRUE(Closed(floor, "10.5.0.1", kPublicOnly));
  EXPECT_FALSE(Closed(floor, "10.5.0.1", kPublicOnly, "rebinding_protection: false"));
  EXPECT_FALSE(Closed(floor, "10.5.0.1"));  // ALLOW_ALL
  EXPECT_TRUE(Closed(floor, "10.5.0.1", "preset: PRESET_ALLOW_ALL", "rebinding_protection: true"));
}

// Whatever the evaluator allows, the wall lets pass.
TEST_F(FloorFatesTest, NeverRefusesWhatAPolicyAllows) {
  const AddressGroups groups({.gateway = {IpPrefix::Parse("10.0.2.2").value()}});
  int closed = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    RandomPolicy random({.seed = seed, .world_bits = 1 + static_cast<int>(seed % 7), .peerless_percent = 5, .group_percent = 30});
    const v1::NetworkPolicy policy = random.Policy(static_cast<int>(seed % 9));
    const std::vector<Rule> floor = random.Floor(1 + static_cast<int>(seed % 6));
    const auto compiled = CompiledPolicy::Compile(policy, floor);
    std::vector<DomainName> names;
    for (int i = 0; i < 60; ++i) {
      FlowQuery query = random.Query(names);
      query.direction = v1::DIRECTION_EGRESS;
      // Protected from rebinding, names lead to PUBLIC addresses alone.
      if (groups.Classify(query.remote) != v1::ADDRESS_GROUP_PUBLIC) query.names = {};
      const bool never = Never(policy.DebugString(), query.remote.ToString(), "rebinding_protection: true", floor);
      closed += never ? 1 : 0;
      if (!never || groups.Classify(query.remote) == v1::ADDRESS_GROUP_HOST) continue;
      ASSERT_FALSE((*compiled)->Evaluate(query, groups).allowed())
          << "seed " << seed << " " << query.remote.ToString() << "\n" << policy.DebugString();
    }
  }
  EXPECT_GT(closed, 1'000);
}

}  // namespace
}  // namespace sluice::policy
