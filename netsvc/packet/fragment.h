#ifndef SLUICE_NETSVC_PACKET_FRAGMENT_H_
#define SLUICE_NETSVC_PACKET_FRAGMENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "netsvc/packet/packet.h"

namespace sluice::packet {

// Cuts an IP packet into fragments of at most `mtu` bytes (IP headers included),
// each a frame of its own that `send` is given; it lives in `out`, which has room
// for an Ethernet header and `mtu` bytes. `identification` tells the fragments of
// one packet from another's. 68 is the least MTU (RFC 791), 1280 for IPv6.
void CutFragments(const Packet& packet, uint16_t mtu, uint32_t identification, std::span<uint8_t> out,
                  const std::function<void(std::span<const uint8_t>)>& send);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_FRAGMENT_H_
