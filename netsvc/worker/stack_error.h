#ifndef SLUICE_NETSVC_WORKER_STACK_ERROR_H_
#define SLUICE_NETSVC_WORKER_STACK_ERROR_H_

#include <cstdint>
#include <optional>
#include <span>

#include "netsvc/base/ip_address.h"
#include "netsvc/flow/flow.h"
#include "netsvc/packet/packet.h"
#include "netsvc/worker/subnet.h"

// What the host stack says beside TCP and UDP: ICMP errors about the guest's
// packets, and questions about neighbors.

namespace sluice {

// Destination unreachable, packet too big, time exceeded, parameter problem.
bool IsIcmpError(const packet::Packet& packet);

// The flow whose packet an ICMP error quotes, as the host stack sees it; nothing
// where it quotes too little, or what is neither TCP nor UDP.
std::optional<flow::FlowKey> KeyOfQuoted(const packet::Packet& error);

// The same error about `flow` as the guest sees it. Returns its size in `out`, 0
// where it does not fit.
size_t TranslateError(const packet::Packet& error, const flow::Flow& flow, const Subnet& subnet,
                      std::span<uint8_t> out);

// A packet that had to be cut and must not be, and how large it may be: the host
// stack tells of the one, not of the other.
bool IsTooBig(const packet::Packet& error);
void SetNextHopMtu(packet::Packet& error, uint16_t mtu);

// The address that an ARP request or a neighbor solicitation asks for.
std::optional<IpAddress> NeighborAsked(const packet::Packet& packet);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_STACK_ERROR_H_
