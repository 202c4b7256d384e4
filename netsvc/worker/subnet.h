#ifndef SLUICE_NETSVC_WORKER_SUBNET_H_
#define SLUICE_NETSVC_WORKER_SUBNET_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/base/mac_address.h"
#include "netsvc/packet/packet.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// The addresses on the guest's link. A value; immutable once made.
struct Subnet {
  // One family's share of it.
  struct Family {
    IpPrefix prefix;
    IpAddress guest;
    IpAddress gateway;
    IpAddress dns;
    // The guest of published ports, as the host stack sees it: no address that
    // the guest itself has, so that its own sockets never meet them.
    IpAddress published;
  };

  Family ipv4;
  Family ipv6;
  MacAddress guest_mac;
  // libslirp's own for its IPv4 gateway: 52:55 and the address.
  MacAddress gateway_mac;
  uint16_t mtu = 1500;
  // The interceptor's TCP service, and its guest, as the host stack sees them.
  Endpoint dns_service;
  IpAddress dns_client;

  static absl::StatusOr<Subnet> FromProto(const internal::v1::Interface& interface);

  const Family& family(const IpAddress& address) const { return address.is_v6() ? ipv6 : ipv4; }
  bool IsAlias(const IpAddress& address) const {
    return address == family(address).gateway || address == family(address).dns;
  }
  bool IsPublished(const IpAddress& address) const { return address == family(address).published; }
  // Every address of the link that is not the guest's.
  std::vector<IpAddress> Reserved() const;
  // TCP payload of a segment to the guest: fits the MTU, and is kMaxSegment at most.
  uint16_t SegmentSize(bool v6) const;

  // A quarter of what libslirp lets be under way (64 KB). A guest acknowledges at
  // once what is more than one segment, and else waits, for 40 ms say (RFC 9293
  // section 3.8.6.3): all that is under way must not be one.
  static constexpr uint16_t kMaxSegment = 16384;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_SUBNET_H_
