#ifndef SLUICE_NETSVC_PACKET_HEADERS_H_
#define SLUICE_NETSVC_PACKET_HEADERS_H_

#include <cstddef>
#include <cstdint>

// Where the fields of each header stand, in bytes from its start, and the values
// that Sluice tells apart. For the files of this folder.

namespace sluice::packet {

// IEEE 802 numbers.
inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

// IANA protocol numbers.
inline constexpr uint8_t kIcmp = 1;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kIcmpv6 = 58;

inline constexpr size_t kEthernetHeaderSize = 14;
inline constexpr size_t kIpv4HeaderSize = 20;  // without options
inline constexpr size_t kIpv6HeaderSize = 40;
inline constexpr size_t kTcpHeaderSize = 20;  // without options
inline constexpr size_t kUdpHeaderSize = 8;
inline constexpr size_t kIcmpHeaderSize = 8;
inline constexpr size_t kArpSize = 28;  // RFC 826, for IPv4 over Ethernet

inline constexpr size_t kMaxIpPayloadV4 = 65535 - kIpv4HeaderSize;
inline constexpr size_t kMaxIpPayloadV6 = 65535;

namespace ethernet {
inline constexpr size_t kDestination = 0;
inline constexpr size_t kSource = 6;
inline constexpr size_t kType = 12;
}  // namespace ethernet

// RFC 826.
namespace arp {
inline constexpr size_t kHardwareType = 0;
inline constexpr size_t kProtocolType = 2;
inline constexpr size_t kHardwareSize = 4;
inline constexpr size_t kProtocolSize = 5;
inline constexpr size_t kOperation = 6;
inline constexpr size_t kSenderMac = 8;
inline constexpr size_t kSenderIp = 14;
inline constexpr size_t kTargetMac = 18;
inline constexpr size_t kTargetIp = 24;

inline constexpr uint16_t kHardwareEthernet = 1;
inline constexpr uint16_t kRequest = 1;
inline constexpr uint16_t kReply = 2;
}  // namespace arp

// RFC 791.
namespace ipv4 {
inline constexpr size_t kVersionAndHeaderSize = 0;
inline constexpr size_t kTrafficClass = 1;
inline constexpr size_t kTotalSize = 2;
inline constexpr size_t kIdentification = 4;
inline constexpr size_t kFragment = 6;
inline constexpr size_t kTtl = 8;
inline constexpr size_t kProtocol = 9;
inline constexpr size_t kChecksum = 10;
inline constexpr size_t kSource = 12;
inline constexpr size_t kDestination = 16;

inline constexpr uint8_t kVersion4HeaderOf5Words = 0x45;
// In kFragment.
inline constexpr uint16_t kReservedFlag = 0x8000;
inline constexpr uint16_t kMoreFragments = 0x2000;
inline constexpr uint16_t kFragmentOffsetMask = 0x1fff;  // in units of 8 bytes
}  // namespace ipv4

// RFC 8200.
namespace ipv6 {
inline constexpr size_t kVersion = 0;
inline constexpr size_t kPayloadSize = 4;
inline constexpr size_t kNextHeader = 6;
inline constexpr size_t kHopLimit = 7;
inline constexpr size_t kSource = 8;
inline constexpr size_t kDestination = 24;

inline constexpr uint8_t kVersion6 = 0x60;
inline constexpr uint8_t kFragmentHeader = 44;  // its protocol number
}  // namespace ipv6

// RFC 8200 section 4.5.
namespace ipv6_fragment {
inline constexpr size_t kSize = 8;
inline constexpr size_t kNextHeader = 0;
inline constexpr size_t kOffset = 2;
inline constexpr size_t kIdentification = 4;

// In kOffset.
inline constexpr uint16_t kMoreFragments = 0x0001;
inline constexpr uint16_t kOffsetMask = 0xfff8;  // bytes
}  // namespace ipv6_fragment

// RFC 9293.
namespace tcp {
inline constexpr size_t kSourcePort = 0;
inline constexpr size_t kDestinationPort = 2;
inline constexpr size_t kSequence = 4;
inline constexpr size_t kAcknowledgment = 8;
inline constexpr size_t kDataOffset = 12;
inline constexpr size_t kFlags = 13;
inline constexpr size_t kWindow = 14;
inline constexpr size_t kChecksum = 16;
inline constexpr size_t kUrgentPointer = 18;

inline constexpr uint8_t kDataOffsetOf5Words = 0x50;
inline constexpr uint8_t kOptionEnd = 0;
inline constexpr uint8_t kOptionNop = 1;
inline constexpr uint8_t kOptionMaxSegmentSize = 2;
}  // namespace tcp

// RFC 2131 section 2.
namespace dhcp {
inline constexpr size_t kHardwareSize = 2;  // hlen, one byte
inline constexpr size_t kClientMac = 28;    // chaddr
inline constexpr size_t kOptions = 236;     // the magic cookie is the first
}  // namespace dhcp

// RFC 768.
namespace udp {
inline constexpr size_t kSourcePort = 0;
inline constexpr size_t kDestinationPort = 2;
inline constexpr size_t kSize = 4;
inline constexpr size_t kChecksum = 6;

inline constexpr uint16_t kZeroChecksum = 0xffff;  // a computed zero, as it is sent
}  // namespace udp

// RFC 792 and RFC 4443: the same places.
namespace icmp {
inline constexpr size_t kType = 0;
inline constexpr size_t kCode = 1;
inline constexpr size_t kChecksum = 2;
inline constexpr size_t kRest = 4;  // the second word
inline constexpr size_t kIdentifier = 4;
inline constexpr size_t kSequence = 6;

inline constexpr uint8_t kEchoReply = 0;
inline constexpr uint8_t kDestinationUnreachable = 3;
inline constexpr uint8_t kSourceQuench = 4;
inline constexpr uint8_t kRedirect = 5;
inline constexpr uint8_t kEchoRequest = 8;
inline constexpr uint8_t kTimeExceeded = 11;
inline constexpr uint8_t kParameterProblem = 12;
inline constexpr uint8_t kCodeFragmentationNeeded = 4;
inline constexpr uint8_t kCodeProhibited = 13;  // RFC 1812 section 5.2.7.1
}  // namespace icmp

// RFC 4443 and RFC 4861.
namespace icmpv6 {
inline constexpr uint8_t kDestinationUnreachable = 1;
inline constexpr uint8_t kCodeProhibited = 1;
inline constexpr uint8_t kPacketTooBig = 2;
inline constexpr uint8_t kFirstInformational = 128;  // errors below
inline constexpr uint8_t kEchoRequest = 128;
inline constexpr uint8_t kEchoReply = 129;
inline constexpr uint8_t kListenerQuery = 130;
inline constexpr uint8_t kListenerReport = 131;
inline constexpr uint8_t kListenerDone = 132;
inline constexpr uint8_t kRouterSolicitation = 133;
inline constexpr uint8_t kRouterAdvertisement = 134;
inline constexpr uint8_t kNeighborSolicitation = 135;
inline constexpr uint8_t kNeighborAdvertisement = 136;
inline constexpr uint8_t kRedirect = 137;
inline constexpr uint8_t kListenerReportV2 = 143;

// Of neighbor solicitations and advertisements.
inline constexpr size_t kTarget = 8;
inline constexpr size_t kNeighborSize = 24;  // without options
inline constexpr size_t kRouterSolicitationSize = 8;
inline constexpr uint32_t kSolicitedAndOverride = 0x60000000;
inline constexpr uint8_t kOptionSourceMac = 1;
inline constexpr uint8_t kOptionTargetMac = 2;
inline constexpr size_t kOptionUnit = 8;
inline constexpr uint8_t kNeighborDiscoveryHopLimit = 255;
}  // namespace icmpv6

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_HEADERS_H_
