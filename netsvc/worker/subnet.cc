#include "netsvc/worker/subnet.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

// Places in each subnet that the gateway takes for itself, beside those that the
// server has chosen for the guest, the gateway and DNS.
constexpr uint32_t kDnsServiceIndex = 4;
constexpr uint32_t kDnsClientIndex = 5;
constexpr uint32_t kPublishedIndex = 6;

absl::Status ReadFamily(const std::string& prefix, const std::string& guest, const std::string& gateway,
                        const std::string& dns, Subnet::Family& out) {
  const absl::StatusOr<IpPrefix> parsed = IpPrefix::Parse(prefix);
  if (!parsed.ok()) return parsed.status();
  out.prefix = *parsed;
  const auto read = [&](const std::string& text, IpAddress& address) {
    const std::optional<IpAddress> found = IpAddress::Parse(text);
    if (!found || !out.prefix.Contains(*found)) return false;
    address = *found;
    return true;
  };
  if (!read(guest, out.guest) || !read(gateway, out.gateway) || !read(dns, out.dns)) {
    return absl::InvalidArgumentError(absl::StrCat("addresses outside ", prefix));
  }
  out.published = out.prefix.At(kPublishedIndex);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Subnet> Subnet::FromProto(const internal::v1::Interface& interface) {
  Subnet subnet;
  absl::Status status = ReadFamily(interface.ipv4_subnet(), interface.ipv4_address(), interface.ipv4_gateway(),
                                   interface.ipv4_dns(), subnet.ipv4);
  if (!status.ok()) return status;
  status = ReadFamily(interface.ipv6_subnet(), interface.ipv6_address(), interface.ipv6_gateway(),
                      interface.ipv6_dns(), subnet.ipv6);
  if (!status.ok()) return status;
  const std::optional<MacAddress> mac = MacAddress::Parse(interface.mac());
  if (!mac) return absl::InvalidArgumentError(absl::StrCat("MAC address \"", interface.mac(), "\""));
  subnet.guest_mac = *mac;
  subnet.mtu = static_cast<uint16_t>(interface.mtu());
  subnet.gateway_mac.bytes = {0x52, 0x55};
  const std::span<const uint8_t> gateway = subnet.ipv4.gateway.bytes();
  std::copy(gateway.begin(), gateway.end(), subnet.gateway_mac.bytes.begin() + 2);
  subnet.dns_service = {subnet.ipv4.prefix.At(kDnsServiceIndex), 53};
  subnet.dns_client = subnet.ipv4.prefix.At(kDnsClientIndex);
  return subnet;
}

std::vector<IpAddress> Subnet::Reserved() const {
  return {ipv4.gateway, ipv4.dns,        ipv4.published, dns_service.address, dns_client,
          ipv6.gateway, ipv6.dns,        ipv6.published};
}

uint16_t Subnet::SegmentSize(bool v6) const {
  const size_t ip = v6 ? packet::kIpv6HeaderSize : packet::kIpv4HeaderSize;
  return std::min(static_cast<uint16_t>(mtu - ip - packet::kTcpHeaderSize), kMaxSegment);
}

}  // namespace sluice
