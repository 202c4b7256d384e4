#include "netsvc/packet/repair.h"

#include <algorithm>

#include "netsvc/packet/checksum.h"
#include "netsvc/packet/packet.h"

namespace sluice::packet {

void Repair(Bytes& frame, const MacAddress& guest) {
  Packet packet;
  if (frame.size() < kEthernetHeaderSize) return;
  std::ranges::copy(guest.bytes, &frame[ethernet::kSource]);
  const ParseError error = Parse(frame, packet);
  if (error != ParseError::kNone && error != ParseError::kFragment) return;
  if (packet.ether_type == kEtherTypeIpv4) FillIpv4Checksum(packet.frame.subspan(kEthernetHeaderSize, kIpv4HeaderSize));
  if (error != ParseError::kNone || packet.ether_type == kEtherTypeArp) return;
  FillTransportChecksum(packet.source, packet.destination, packet.protocol, packet.transport());
}

}  // namespace sluice::packet
