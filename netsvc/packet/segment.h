#ifndef SLUICE_NETSVC_PACKET_SEGMENT_H_
#define SLUICE_NETSVC_PACKET_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "netsvc/packet/packet.h"

namespace sluice::packet {

// Copies one segment out of a large TCP packet: its headers, and at most `size`
// bytes of its payload from byte `at`, with the sequence number, checksums and
// (FIN and PSH on the last alone) flags that a segment of its own has. Returns
// the copy's size, 0 where it does not fit `out`.
size_t CopyTcpSegment(const Packet& packet, size_t at, size_t size, std::span<uint8_t> out);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_SEGMENT_H_
