#ifndef SLUICE_NETSVC_PACKET_REWRITE_H_
#define SLUICE_NETSVC_PACKET_REWRITE_H_

#include <cstdint>
#include <span>

#include "netsvc/base/endpoint.h"
#include "netsvc/packet/packet.h"

namespace sluice::packet {

// Gives a TCP or UDP packet other endpoints of its own family, in place, and
// corrects its checksums by the difference (RFC 1624). `packet` is updated too.
// Other packets, and endpoints of another family: unchanged.
void RewriteEndpoints(Packet& packet, const Endpoint& source, const Endpoint& destination);

// The same for endpoints of the other family: a copy of the packet in `out` with
// an IP header of that family, checksums computed, MAC addresses kept. Returns
// the copy's size, 0 where it does not fit.
size_t TranslateEndpoints(const Packet& packet, const Endpoint& source, const Endpoint& destination,
                          std::span<uint8_t> out);

void SetMacAddresses(Packet& packet, const MacAddress& source, const MacAddress& destination);

// Leaves segmentation and checksum of a TCP packet with full checksums to the
// link: the checksum becomes the pseudo-header's, segments are `segment_size`
// bytes where the payload is larger. Other packets: an empty Offload, unchanged.
Offload PrepareOffload(Packet& packet, uint16_t segment_size);

// The maximum segment size that a SYN announces (RFC 9293 section 3.7.1); 536
// without the option.
uint16_t MaxSegmentSizeOption(const Packet& packet);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_REWRITE_H_
