#ifndef SLUICE_NETSVC_PACKET_CHECKSUM_H_
#define SLUICE_NETSVC_PACKET_CHECKSUM_H_

#include <cstdint>
#include <optional>
#include <span>

#include "netsvc/base/ip_address.h"

// The Internet checksum (RFC 1071). A sum is folded to 16 bits and in host
// order; over data that holds its own right checksum it is 0xffff.

namespace sluice::packet {

// The ones' complement sum of `bytes` and `initial`, the sum of an even number of
// bytes before them. An odd last byte counts as followed by zero.
uint16_t Sum(std::span<const uint8_t> bytes, uint16_t initial = 0);

// The pseudo-header's sum (RFC 9293 section 3.1, RFC 8200 section 8.1).
uint16_t PseudoHeaderSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol, uint32_t length);

// `checksum` after data that summed to `old_sum` became data of `new_sum` (RFC
// 1624, equation 3).
uint16_t UpdateChecksum(uint16_t checksum, uint16_t old_sum, uint16_t new_sum);

// Where a transport header keeps its checksum; nothing for a protocol without.
std::optional<size_t> ChecksumOffset(uint8_t protocol);

// The sum of a transport header, its payload and, but for ICMP, its
// pseudo-header.
uint16_t TransportSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                      std::span<const uint8_t> transport);

// Computes and stores the checksum of `transport`, which holds the whole header.
// Nothing for a protocol without.
void FillTransportChecksum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                           std::span<uint8_t> transport);

// Computes and stores the checksum of an IPv4 header.
void FillIpv4Checksum(std::span<uint8_t> header);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_CHECKSUM_H_
