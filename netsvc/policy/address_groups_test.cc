#include "netsvc/policy/address_groups.h"

#include <string>

#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

IpAddress Ip(const std::string& text) { return IpAddress::Parse(text).value(); }
IpPrefix Prefix(const std::string& text) { return IpPrefix::Parse(text).value(); }

std::string Group(const AddressGroups& groups, const std::string& address) {
  return v1::AddressGroup_Name(groups.Classify(Ip(address))).substr(sizeof("ADDRESS_GROUP_") - 1);
}

AddressGroups::Options SandboxOptions() {
  return {.gateway = {Prefix("10.0.2.2"), Prefix("10.0.2.3"), Prefix("fd00::/64")},
          .extra_host = {Prefix("198.18.7.0/24"), Prefix("2606:4700:1::/48")},
          .nat64 = {Prefix("2a01:4f8:64::/48")}};
}

struct Expectation {
  const char* address;
  const char* group;
};

void Expect(const AddressGroups& groups, std::initializer_list<Expectation> table) {
  for (const auto& [address, group] : table) EXPECT_EQ(Group(groups, address), group) << address;
}

TEST(AddressGroupsTest, EveryIpv4GroupAtBothEdges) {
  Expect(AddressGroups({}), {
      {"0.0.0.0", "RESERVED"}, {"0.255.255.255", "RESERVED"}, {"1.0.0.0", "PUBLIC"},
      {"9.255.255.255", "PUBLIC"}, {"10.0.0.0", "PRIVATE"}, {"10.255.255.255", "PRIVATE"}, {"11.0.0.0", "PUBLIC"},
      {"100.63.255.255", "PUBLIC"}, {"100.64.0.0", "PRIVATE"}, {"100.127.255.255", "PRIVATE"}, {"100.128.0.0", "PUBLIC"},
      {"126.255.255.255", "PUBLIC"}, {"127.0.0.0", "LOOPBACK"}, {"127.255.255.255", "LOOPBACK"}, {"128.0.0.0", "PUBLIC"},
      {"169.253.255.255", "PUBLIC"}, {"169.254.0.0", "LINK_LOCAL"}, {"169.254.255.255", "LINK_LOCAL"}, {"169.255.0.0", "PUBLIC"},
      {"172.15.255.255", "PUBLIC"}, {"172.16.0.0", "PRIVATE"}, {"172.31.255.255", "PRIVATE"}, {"172.32.0.0", "PUBLIC"},
      {"191.255.255.255", "PUBLIC"}, {"192.0.0.0", "RESERVED"}, {"192.0.0.255", "RESERVED"}, {"192.0.1.0", "PUBLIC"},
      {"192.0.1.255", "PUBLIC"}, {"192.0.2.0", "RESERVED"}, {"192.0.2.255", "RESERVED"}, {"192.0.3.0", "PUBLIC"},
      {"192.88.98.255", "PUBLIC"}, {"192.88.99.0", "RESERVED"}, {"192.88.99.255", "RESERVED"}, {"192.88.100.0", "PUBLIC"},
      {"192.167.255.255", "PUBLIC"}, {"192.168.0.0", "PRIVATE"}, {"192.168.255.255", "PRIVATE"}, {"192.169.0.0", "PUBLIC"},
      {"198.17.255.255", "PUBLIC"}, {"198.18.0.0", "RESERVED"}, {"198.19.255.255", "RESERVED"}, {"198.20.0.0", "PUBLIC"},
      {"198.51.99.255", "PUBLIC"}, {"198.51.100.0", "RESERVED"}, {"198.51.100.255", "RESERVED"}, {"198.51.101.0", "PUBLIC"},
      {"203.0.112.255", "PUBLIC"}, {"203.0.113.0", "RESERVED"}, {"203.0.113.255", "RESERVED"}, {"203.0.114.0", "PUBLIC"},
      {"223.255.255.255", "PUBLIC"}, {"224.0.0.0", "MULTICAST"}, {"239.255.255.255", "MULTICAST"},
      {"240.0.0.0", "RESERVED"}, {"255.255.255.254", "RESERVED"}, {"255.255.255.255", "RESERVED"},
  });
}

TEST(AddressGroupsTest, EveryIpv6GroupAtBothEdges) {
  Expect(AddressGroups({}), {
      {"::", "RESERVED"}, {"::1", "LOOPBACK"},
      {"ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "PUBLIC"},
      {"100::", "RESERVED"}, {"100::ffff:ffff:ffff:ffff", "RESERVED"}, {"100:0:0:1::", "PUBLIC"},
      {"64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "PUBLIC"}, {"64:ff9b:1::", "RESERVED"},
      {"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "RESERVED"}, {"64:ff9b:2::", "PUBLIC"},
      {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "PUBLIC"}, {"2001:db8::", "RESERVED"},
      {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "RESERVED"}, {"2001:db9::", "PUBLIC"},
      {"3ffe:ffff::", "PUBLIC"}, {"3fff::", "RESERVED"}, {"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "RESERVED"},
      {"3fff:1000::", "PUBLIC"},
      {"5eff:ffff::", "PUBLIC"}, {"5f00::", "RESERVED"}, {"5f00:ffff::", "RESERVED"}, {"5f01::", "PUBLIC"},
      {"fbff:ffff::", "PUBLIC"}, {"fc00::", "PRIVATE"},
      {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "PRIVATE"}, {"fe00::", "PUBLIC"},
      {"fe7f:ffff::", "PUBLIC"}, {"fe80::", "LINK_LOCAL"}, {"febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "LINK_LOCAL"},
      {"fec0::", "RESERVED"}, {"feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "RESERVED"},
      {"ff00::", "MULTICAST"}, {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "MULTICAST"},
      {"2606:4700:4700::1111", "PUBLIC"},
  });
}

TEST(AddressGroupsTest, MetadataGoesBeforeTheRangesAroundIt) {
  Expect(AddressGroups({}), {
      {"169.254.169.254", "METADATA"}, {"169.254.169.253", "METADATA"}, {"169.254.169.123", "METADATA"},
      {"169.254.170.2", "METADATA"}, {"169.254.170.23", "METADATA"},
      {"169.254.169.255", "LINK_LOCAL"}, {"169.254.169.252", "LINK_LOCAL"}, {"169.254.170.1", "LINK_LOCAL"},
      {"100.100.100.200", "METADATA"}, {"100.100.100.199", "PRIVATE"}, {"100.100.100.201", "PRIVATE"},
      {"168.63.129.16", "METADATA"}, {"168.63.129.15", "PUBLIC"}, {"168.63.129.17", "PUBLIC"},
      {"192.0.0.192", "METADATA"}, {"192.0.0.191", "RESERVED"}, {"192.0.0.193", "RESERVED"},
      {"fd00:ec1:ffff::", "PRIVATE"}, {"fd00:ec2::", "METADATA"}, {"fd00:ec2::254", "METADATA"},
      {"fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff", "METADATA"}, {"fd00:ec3::", "PRIVATE"},
      {"fd20:ce::254", "METADATA"}, {"fd20:ce::253", "PRIVATE"}, {"fd20:ce::255", "PRIVATE"},
  });
}

TEST(AddressGroupsTest, CarriersAreInTheGroupOfWhatTheyCarry) {
  Expect(AddressGroups(SandboxOptions()), {
      {"::ffff:8.8.8.8", "PUBLIC"}, {"::ffff:10.1.2.3", "PRIVATE"}, {"::ffff:127.0.0.1", "LOOPBACK"},
      {"::8.8.8.8", "PUBLIC"}, {"::10.1.2.3", "PRIVATE"}, {"::2", "RESERVED"},
      {"64:ff9b::8.8.8.8", "PUBLIC"}, {"64:ff9b::169.254.169.254", "METADATA"}, {"64:ff9b::10.0.2.2", "HOST"},
      {"2002:808:808::1", "PUBLIC"}, {"2002:a9fe:a9fe::", "METADATA"}, {"2002:c0a8:1::", "PRIVATE"},
      // Teredo clients 8.8.8.8 and 192.168.0.1.
      {"2001::f7f7:f7f7", "PUBLIC"}, {"2001::3f57:fffe", "PRIVATE"},
      // 8.8.8.8 and 10.1.2.3 by the NAT64 prefix of the options.
      {"2a01:4f8:64:808:8:800::", "PUBLIC"}, {"2a01:4f8:64:a01:2:300::", "PRIVATE"},
  });
}

TEST(AddressGroupsTest, GatewayAndToldAddressesAreHost) {
  Expect(AddressGroups(SandboxOptions()), {
      {"10.0.2.1", "PRIVATE"}, {"10.0.2.2", "HOST"}, {"10.0.2.3", "HOST"}, {"10.0.2.4", "PRIVATE"},
      {"fd00::", "HOST"}, {"fd00::ffff:ffff:ffff:ffff", "HOST"}, {"fd00:0:0:1::", "PRIVATE"},
      {"198.18.6.255", "RESERVED"}, {"198.18.7.0", "HOST"}, {"198.18.7.255", "HOST"}, {"198.18.8.0", "RESERVED"},
      {"2606:4700:1::1", "HOST"}, {"2606:4700:2::1", "PUBLIC"},
      {"::ffff:198.18.7.9", "HOST"}, {"2002:a00:202::", "HOST"},
  });
}

TEST(AddressGroupsTest, HostAddressesFollowTheHost) {
  AddressGroups groups({});
  Expect(groups, {{"8.8.4.4", "PUBLIC"}, {"169.254.169.254", "METADATA"}});
  groups.SetHostAddresses({Ip("8.8.4.4"), Ip("2600::7"), Ip("169.254.169.254"), Ip("2002:808:808::1")});
  Expect(groups, {
      {"8.8.4.4", "HOST"}, {"::ffff:8.8.4.4", "HOST"}, {"64:ff9b::8.8.4.4", "HOST"}, {"2002:808:404::9", "HOST"},
      {"2600::7", "HOST"}, {"2600::8", "PUBLIC"}, {"169.254.169.254", "HOST"},
      // A 6to4 address of the host's own is compared as it stands, too.
      {"2002:808:808::1", "HOST"}, {"2002:808:808::2", "PUBLIC"},
  });
  groups.SetHostAddresses({Ip("9.9.9.9")});
  Expect(groups, {{"8.8.4.4", "PUBLIC"}, {"9.9.9.9", "HOST"}});
}

TEST(AddressGroupsTest, LoopbackOfTheHostStaysLoopback) {
  AddressGroups groups({});
  groups.SetHostAddresses({Ip("127.0.0.1"), Ip("::1")});
  Expect(groups, {{"127.0.0.1", "LOOPBACK"}, {"::1", "LOOPBACK"}});
}

TEST(AddressGroupsTest, UnwrapsCarriersAlone) {
  const AddressGroups groups({});
  EXPECT_EQ(groups.Unwrap(Ip("::ffff:10.1.2.3")), Ip("10.1.2.3"));
  EXPECT_EQ(groups.Unwrap(Ip("10.1.2.3")), Ip("10.1.2.3"));
  EXPECT_EQ(groups.Unwrap(Ip("2600::7")), Ip("2600::7"));
  EXPECT_EQ(groups.Unwrap(Ip("::1")), Ip("::1"));
}

}  // namespace
}  // namespace sluice::policy
