#ifndef SLUICE_NETSVC_PACKET_NEIGHBOR_DISCOVERY_H_
#define SLUICE_NETSVC_PACKET_NEIGHBOR_DISCOVERY_H_

#include "netsvc/base/ip_address.h"
#include "netsvc/packet/packet.h"

namespace sluice::packet {

// The messages that a host sends to find routers and neighbors (RFC 4861
// sections 4.1, 4.3 and 4.4).
bool IsHostNeighborDiscovery(const Packet& packet);

// Multicast listener reports, and what routers alone send: advertisements,
// redirects, listener queries. Nobody needs them from a guest.
bool IsLinkNoise(const Packet& packet);

// What a receiver must check of such a message before it looks inside (RFC 4861
// sections 6.1.1, 7.1.1 and 7.1.2), the checksum aside. nullptr where it is
// valid, else the problem in a few words, a literal.
const char* NeighborDiscoveryProblem(const Packet& packet);

// The address that a valid neighbor solicitation or advertisement is about.
IpAddress NeighborTarget(const Packet& packet);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_NEIGHBOR_DISCOVERY_H_
