#include "netsvc/policy/random_policy.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/policy/floor.h"

namespace sluice::policy {
namespace {

// Networks of several groups; the world's bits go below them.
constexpr std::array<uint32_t, 6> kNetworks = {0x0a000000, 0x08080000, 0xc0a80000, 0x7f000000, 0xa9fea900, 0x01020300};
constexpr std::array<const char*, 3> kPrefixes = {"2606:4700::", "fd12:3400::", "2001:db8::"};
constexpr std::array<const char*, 3> kZones = {"test", "example.com", "n1.example.com"};

IpAddress V6(const std::string& text) { return IpAddress::Parse(text).value(); }

// `v4` in the forms that carry an IPv4 address.
std::string Carrier(uint32_t form, uint32_t v4) {
  const std::string high = absl::StrFormat("%x", v4 >> 16);
  const std::string low = absl::StrFormat("%x", v4 & 0xffff);
  switch (form) {
    case 0:
      return absl::StrCat("::ffff:", high, ":", low);
    case 1:
      return absl::StrCat("64:ff9b::", high, ":", low);
    case 2:
      return absl::StrCat("2002:", high, ":", low, "::1");
    case 3:
      return absl::StrFormat("2001::%x:%x", ~v4 >> 16, ~v4 & 0xffff);
    default:
      return absl::StrCat("::", high, ":", low);
  }
}

}  // namespace

uint32_t RandomPolicy::Pick(uint32_t below) { return std::uniform_int_distribution<uint32_t>(0, below - 1)(random_); }

uint32_t RandomPolicy::World() { return Pick(uint32_t{1} << options_.world_bits); }

uint32_t RandomPolicy::Port() {
  constexpr std::array<uint32_t, 6> kBusy = {1, 53, 80, 443, 853, 65535};
  return Chance(80) ? kBusy[Pick(kBusy.size())] : 1 + Pick(65535);
}

uint32_t RandomPolicy::V4() { return kNetworks[Pick(kNetworks.size())] + World(); }

std::string RandomPolicy::NameText() {
  std::string name = kZones[Pick(kZones.size())];
  for (uint32_t labels = 1 + Pick(3); labels > 0; --labels) name = absl::StrCat("n", World(), ".", name);
  return name;
}

IpAddress RandomPolicy::Address() {
  if (Chance(60)) return IpAddress::V4(V4());
  if (Chance(50)) return V6(Carrier(Pick(5), V4()));
  return V6(absl::StrFormat("%s%x:%x", kPrefixes[Pick(kPrefixes.size())], World() >> 16, World() & 0xffff));
}

DomainName RandomPolicy::Name() { return DomainName::FromText(NameText()).value(); }

void RandomPolicy::AddPeer(v1::Rule& rule) {
  const bool egress = rule.direction() != v1::DIRECTION_INGRESS;
  if (egress && Chance(40)) {
    rule.add_peers()->set_domain(absl::StrCat(Chance(50) ? "*." : "", NameText()));
  } else if (Chance(options_.group_percent)) {
    rule.add_peers()->set_group(static_cast<v1::AddressGroup>(1 + Pick(8)));
  } else {
    const IpAddress address = Address();
    const int shortest = address.is_v4() ? options_.shortest_v4 : 4 * options_.shortest_v4;
    const int length = shortest + static_cast<int>(Pick(static_cast<uint32_t>(address.bits() - shortest + 1)));
    rule.add_peers()->set_cidr(IpPrefix(address, length).ToString());
  }
}

void RandomPolicy::AddServices(v1::Rule& rule) {
  if (Chance(40)) rule.add_protocols(v1::PROTOCOL_TCP);
  if (Chance(20)) rule.add_protocols(v1::PROTOCOL_UDP);
  if (Chance(10)) rule.add_protocols(v1::PROTOCOL_ICMP);
  const bool icmp_alone = rule.protocols_size() == 1 && rule.protocols(0) == v1::PROTOCOL_ICMP;
  for (uint32_t ranges = icmp_alone ? 0 : Pick(4); ranges > 0; --ranges) {
    const uint32_t first = Port();
    rule.add_ports()->set_first(first);
    if (Chance(30)) rule.mutable_ports()->rbegin()->set_last(std::max(first, Port()));
  }
}

v1::NetworkPolicy RandomPolicy::Policy(int rules) {
  v1::NetworkPolicy policy;
  policy.set_preset(static_cast<v1::Preset>(v1::PRESET_PUBLIC_ONLY + Pick(4)));
  for (int i = 0; i < rules; ++i) {
    v1::Rule& rule = *policy.add_rules();
    rule.set_action(Chance(50) ? v1::ACTION_ALLOW : v1::ACTION_DENY);
    rule.set_direction(Chance(20) ? v1::DIRECTION_INGRESS : v1::DIRECTION_EGRESS);
    const bool peerless = Chance(options_.peerless_percent);
    for (uint32_t peers = peerless ? 0 : 1 + Pick(3); peers > 0; --peers) AddPeer(rule);
    AddServices(rule);
  }
  return policy;
}

std::vector<Rule> RandomPolicy::Floor(int rules) {
  const v1::NetworkPolicy policy = Policy(rules);
  RuleProtos kept;
  for (const v1::Rule& rule : policy.rules()) {
    *kept.Add() = rule;
    if (!ParseFloor(kept).ok()) kept.RemoveLast();
  }
  return ParseFloor(kept).value();
}

FlowQuery RandomPolicy::Query(std::vector<DomainName>& names) {
  FlowQuery query;
  query.direction = Chance(20) ? v1::DIRECTION_INGRESS : v1::DIRECTION_EGRESS;
  query.protocol = static_cast<v1::Protocol>(v1::PROTOCOL_TCP + Pick(3));
  query.remote = Address();
  query.port = query.protocol == v1::PROTOCOL_ICMP ? 0 : static_cast<uint16_t>(Port());
  names.clear();
  for (uint32_t count = Pick(4); count > 0; --count) names.push_back(Name());
  query.names = names;
  return query;
}

}  // namespace sluice::policy
