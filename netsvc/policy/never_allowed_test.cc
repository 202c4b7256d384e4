#include "netsvc/policy/never_allowed.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "google/protobuf/text_format.h"

namespace sluice::policy {
namespace {

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

bool Never(const std::string& policy, const std::string& address, const std::string& dns = "") {
  int longest = -1;
  bool never = false;
  const IpAddress wanted = *IpAddress::Parse(address);
  const IpAddress aliases[] = {*IpAddress::Parse("10.0.2.2"), *IpAddress::Parse("fd73:6c75:6963:1::2")};
  for (const PrefixFate& fate : NeverAllowed(Proto<v1::NetworkPolicy>(policy), Proto<v1::DnsConfig>(dns), aliases)) {
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

}  // namespace
}  // namespace sluice::policy
