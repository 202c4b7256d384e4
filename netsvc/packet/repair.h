#ifndef SLUICE_NETSVC_PACKET_REPAIR_H_
#define SLUICE_NETSVC_PACKET_REPAIR_H_

#include "netsvc/base/mac_address.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {

// Gives a frame the guest's MAC address and, as far as it parses, right checksums:
// what no mutation would find. Tests.
void Repair(Bytes& frame, const MacAddress& guest);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_REPAIR_H_
