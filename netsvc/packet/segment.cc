#include "netsvc/packet/segment.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/headers.h"
#include "netsvc/packet/ip_writer.h"

namespace sluice::packet {

size_t CopyTcpHeader(const Packet& packet, const SegmentChange& change, std::span<uint8_t> out) {
  const std::span<const uint8_t> header =
      packet.transport().first(packet.payload_offset - packet.transport_offset);
  IpWriter writer({packet.source_mac, packet.destination_mac, packet.source_endpoint(), packet.destination_endpoint()},
                  kTcp, header.size() + change.payload.size(), out);
  if (!writer.ok()) return 0;
  const std::span<uint8_t> transport = writer.transport();
  std::copy(header.begin(), header.end(), transport.begin());
  std::copy(change.payload.begin(), change.payload.end(), transport.begin() + static_cast<ptrdiff_t>(header.size()));
  Store32(&transport[tcp::kSequence], change.sequence);
  transport[tcp::kFlags] = change.flags;
  writer.SetHopLimit(packet.hop_limit);
  return writer.Finish();
}

size_t CopyTcpSegment(const Packet& packet, size_t at, size_t size, std::span<uint8_t> out) {
  const std::span<const uint8_t> whole = packet.payload();
  const std::span<const uint8_t> payload = whole.subspan(at, std::min(size, whole.size() - at));
  uint8_t flags = packet.tcp_flags;
  if (at + payload.size() != whole.size()) flags &= static_cast<uint8_t>(~(kFin | kPsh));
  return CopyTcpHeader(packet, {packet.sequence + static_cast<uint32_t>(at), flags, payload}, out);
}

}  // namespace sluice::packet
