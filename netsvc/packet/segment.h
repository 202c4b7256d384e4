#ifndef SLUICE_NETSVC_PACKET_SEGMENT_H_
#define SLUICE_NETSVC_PACKET_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "netsvc/packet/packet.h"

namespace sluice::packet {

// What a segment has of its own.
struct SegmentChange {
  uint32_t sequence = 0;
  uint8_t flags = 0;
  std::span<const uint8_t> payload = {};
};

// Writes a segment with the headers of `packet`, a TCP packet, options included,
// but for `change`, lengths and checksums. Returns its size, 0 where it does not
// fit `out`.
size_t CopyTcpHeader(const Packet& packet, const SegmentChange& change, std::span<uint8_t> out);

// Copies one segment out of a large TCP packet: its headers, and at most `size`
// bytes of its payload from byte `at`, with the sequence number, checksums and
// (FIN and PSH on the last alone) flags that a segment of its own has. Returns
// the copy's size, 0 where it does not fit `out`.
size_t CopyTcpSegment(const Packet& packet, size_t at, size_t size, std::span<uint8_t> out);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_SEGMENT_H_
