#ifndef SLUICE_NETSVC_PACKET_PACKET_H_
#define SLUICE_NETSVC_PACKET_PACKET_H_

#include <cstdint>
#include <span>

#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/mac_address.h"
#include "netsvc/packet/headers.h"

namespace sluice::packet {

// The largest frame: an Ethernet header and 64 KiB of IP.
inline constexpr size_t kMaxFrameSize = kEthernetHeaderSize + 65535 + kIpv6HeaderSize;

// What a link leaves to the receiver, as the virtio-net header says it
// (virtio 1.2 section 5.1.6).
struct Offload {
  enum class Segmentation : uint8_t { kNone, kTcpV4, kTcpV6 };

  // The transport checksum holds the pseudo-header's sum alone.
  bool partial_checksum = false;
  Segmentation segmentation = Segmentation::kNone;
  // TCP payload of each segment, where there is segmentation.
  uint16_t segment_size = 0;
};

// One Ethernet frame in somebody's buffer.
struct Frame {
  std::span<uint8_t> bytes;
  Offload offload;
};

// TCP flags (RFC 9293 section 3.1).
inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kPsh = 0x08;
inline constexpr uint8_t kAck = 0x10;
inline constexpr uint8_t kUrg = 0x20;

// A frame that was understood down to its transport header, in place. Offsets
// count from the frame's first byte; fields are in host order. A value that
// points into the frame: it lives as long as the frame's buffer.
struct Packet {
  std::span<uint8_t> frame;  // without link-layer padding
  MacAddress source_mac;
  MacAddress destination_mac;
  uint16_t ether_type = 0;

  // kEtherTypeIpv4 and kEtherTypeIpv6.
  IpAddress source;
  IpAddress destination;
  uint8_t protocol = 0;  // of the transport header
  uint8_t hop_limit = 0;
  size_t network_offset = 0;
  size_t transport_offset = 0;
  size_t payload_offset = 0;  // past TCP's options; of ICMP, past its 8 bytes

  // TCP and UDP. Of an ICMP echo both are the identifier.
  uint16_t source_port = 0;
  uint16_t destination_port = 0;

  // TCP.
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t tcp_flags = 0;

  // ICMP and ICMPv6.
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  uint16_t icmp_sequence = 0;  // echo

  bool is_tcp() const { return protocol == kTcp; }
  bool is_udp() const { return protocol == kUdp; }
  // Echo requests and replies, of either family.
  bool is_echo_request() const;
  bool is_echo_reply() const;
  std::span<uint8_t> payload() const { return frame.subspan(payload_offset); }
  std::span<uint8_t> transport() const { return frame.subspan(transport_offset); }
  Endpoint source_endpoint() const { return {source, source_port}; }
  Endpoint destination_endpoint() const { return {destination, destination_port}; }
};

// Why a frame was not understood.
enum class ParseError : uint8_t {
  kNone,
  kTooShort,        // a header or the length it states does not fit
  kBadHeader,       // version, header length, TCP options, TCP flags no stack sends
  kBadChecksum,     // IPv4 header or transport
  kFragment,        // an IPv4 fragment or an IPv6 fragment header
  kUnsupported,     // another EtherType, IP options, IPv6 extension headers, ICMP of the other family
};

// Reads `frame` into `packet` without verifying checksums. Never reads past the
// frame. ARP and unknown EtherTypes fill only the Ethernet fields: ARP is kNone,
// others kUnsupported. IP protocols other than TCP, UDP, ICMP and ICMPv6 are
// kNone with `protocol` set and no ports: what to make of them is policy. Of a
// fragment the IP fields are filled, `transport_offset` is where its data starts.
ParseError Parse(std::span<uint8_t> frame, Packet& packet);

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_PACKET_H_
