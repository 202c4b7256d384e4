#ifndef SLUICE_NETSVC_PACKET_ROUTER_ADVERTISEMENT_H_
#define SLUICE_NETSVC_PACKET_ROUTER_ADVERTISEMENT_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "netsvc/base/ip_address.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/packet/ip_writer.h"
#include "netsvc/packet/packet.h"

namespace sluice::packet {

// What a guest that configures itself is told (RFC 4861 section 4.2).
struct RouterAdvertisement {
  IpPrefix prefix;  // to make an address in
  uint32_t mtu = 0;
  IpAddress dns;  // RFC 8106
};

inline constexpr size_t kRouterAdvertisementFrameSize = kEthernetHeaderSize + kIpv6HeaderSize + 88;

bool IsRouterAdvertisement(const Packet& packet);

// A frame as those of builder.h; the source's MAC address is in it too.
size_t BuildRouterAdvertisement(const Addressing& addressing, const RouterAdvertisement& advertisement,
                                std::span<uint8_t> out);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_ROUTER_ADVERTISEMENT_H_
