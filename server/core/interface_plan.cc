#include "server/core/interface_plan.h"

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/policy/address_groups.h"

namespace sluice {
namespace {

constexpr absl::string_view kDefaultIpv4 = "10.0.2.0/24";
constexpr absl::string_view kDefaultIpv6 = "fd73:6c75:6963:1::/64";
constexpr absl::string_view kDefaultMac = "02:73:6c:00:00:0f";

// Hosts within a subnet.
constexpr uint32_t kGateway = 2;
constexpr uint32_t kDns = 3;
constexpr uint32_t kGuest = 15;

constexpr int kShortestIpv4 = 8;
constexpr int kLongestIpv4 = 27;  // 15 is a host of it, not its broadcast address
constexpr int kIpv6Length = 64;   // RFC 4862: what a guest can configure itself in

absl::string_view OrDefault(absl::string_view text, absl::string_view fallback) {
  return text.empty() ? fallback : text;
}

bool IsPrivate(const IpAddress& address) {
  return policy::AddressGroups({}).Classify(address) == v1::ADDRESS_GROUP_PRIVATE;
}

absl::StatusOr<IpPrefix> ParseSubnet(absl::string_view field, absl::string_view text, bool want_v6) {
  const absl::StatusOr<IpPrefix> subnet = IpPrefix::Parse(text);
  if (!subnet.ok()) return FieldError(field, subnet.status().message());
  if (subnet->address().is_v6() != want_v6) {
    return FieldError(field, want_v6 ? "must be an IPv6 subnet" : "must be an IPv4 subnet");
  }
  if (!IsPrivate(subnet->address())) {
    return FieldError(field, "must lie in a private range (RFC 1918, RFC 6598 or RFC 4193)");
  }
  return subnet;
}

absl::StatusOr<IpPrefix> ParseIpv4Subnet(absl::string_view field, absl::string_view text) {
  absl::StatusOr<IpPrefix> subnet = ParseSubnet(field, OrDefault(text, kDefaultIpv4), false);
  if (subnet.ok() && (subnet->length() < kShortestIpv4 || subnet->length() > kLongestIpv4)) {
    return FieldError(field, absl::StrCat("must have a prefix length of ", kShortestIpv4, " to ", kLongestIpv4));
  }
  return subnet;
}

absl::StatusOr<IpPrefix> ParseIpv6Subnet(absl::string_view field, absl::string_view text) {
  absl::StatusOr<IpPrefix> subnet = ParseSubnet(field, OrDefault(text, kDefaultIpv6), true);
  if (subnet.ok() && subnet->length() != kIpv6Length) {
    return FieldError(field, absl::StrCat("must have a prefix length of ", kIpv6Length));
  }
  return subnet;
}

absl::StatusOr<MacAddress> ParseMac(absl::string_view field, absl::string_view text) {
  const std::optional<MacAddress> mac = MacAddress::Parse(OrDefault(text, kDefaultMac));
  if (!mac) return FieldError(field, "must be six bytes like 02:73:6c:00:00:0f");
  if (mac->is_group() || *mac == MacAddress()) return FieldError(field, "must be the address of one host");
  return *mac;
}

InterfacePlan::Family Hosts(const IpPrefix& subnet) {
  return {.subnet = subnet, .guest = subnet.At(kGuest), .gateway = subnet.At(kGateway), .dns = subnet.At(kDns)};
}

}  // namespace

absl::StatusOr<InterfacePlan> InterfacePlan::Make(absl::string_view field, const v1::InterfaceConfig& config) {
  InterfacePlan plan;
  const absl::StatusOr<IpPrefix> ipv4 = ParseIpv4Subnet(absl::StrCat(field, ".ipv4_subnet"), config.ipv4_subnet());
  if (!ipv4.ok()) return ipv4.status();
  plan.ipv4 = Hosts(*ipv4);
  const absl::StatusOr<IpPrefix> ipv6 = ParseIpv6Subnet(absl::StrCat(field, ".ipv6_subnet"), config.ipv6_subnet());
  if (!ipv6.ok()) return ipv6.status();
  plan.ipv6 = Hosts(*ipv6);
  if (config.mtu() != 0) plan.mtu = config.mtu();
  if (plan.mtu < kMinMtu || plan.mtu > kMaxMtu) {
    return FieldError(absl::StrCat(field, ".mtu"), absl::StrCat("must be ", kMinMtu, " to ", kMaxMtu));
  }
  const absl::StatusOr<MacAddress> mac = ParseMac(absl::StrCat(field, ".mac"), config.mac());
  if (!mac.ok()) return mac.status();
  plan.mac = *mac;
  return plan;
}

v1::InterfaceConfig InterfacePlan::ToConfig() const {
  v1::InterfaceConfig config;
  config.set_ipv4_subnet(ipv4.subnet.ToString());
  config.set_ipv6_subnet(ipv6.subnet.ToString());
  config.set_mtu(mtu);
  config.set_mac(mac.ToString());
  return config;
}

internal::v1::Interface InterfacePlan::ToWorker() const {
  internal::v1::Interface interface;
  interface.set_ipv4_subnet(ipv4.subnet.ToString());
  interface.set_ipv4_address(ipv4.guest.ToString());
  interface.set_ipv4_gateway(ipv4.gateway.ToString());
  interface.set_ipv4_dns(ipv4.dns.ToString());
  interface.set_ipv6_subnet(ipv6.subnet.ToString());
  interface.set_ipv6_address(ipv6.guest.ToString());
  interface.set_ipv6_gateway(ipv6.gateway.ToString());
  interface.set_ipv6_dns(ipv6.dns.ToString());
  interface.set_mac(mac.ToString());
  interface.set_mtu(mtu);
  return interface;
}

LinkConfig InterfacePlan::ToLink(const std::string& owner) const {
  LinkConfig link;
  link.owner = owner;
  link.mac = mac;
  link.mtu = mtu;
  link.ipv4 = {.subnet = ipv4.subnet, .address = ipv4.guest, .gateway = ipv4.gateway};
  link.ipv6 = {.subnet = ipv6.subnet, .address = ipv6.guest, .gateway = ipv6.gateway};
  return link;
}

void InterfacePlan::FillStatus(v1::NetworkStatus& status) const {
  status.set_ipv4_address(ipv4.guest.ToString());
  status.set_ipv4_gateway(ipv4.gateway.ToString());
  status.set_ipv6_address(ipv6.guest.ToString());
  status.set_ipv6_gateway(ipv6.gateway.ToString());
  status.clear_dns_servers();
  status.add_dns_servers(ipv4.dns.ToString());
  status.add_dns_servers(ipv6.dns.ToString());
  status.set_mac(mac.ToString());
  status.set_mtu(mtu);
}

}  // namespace sluice
