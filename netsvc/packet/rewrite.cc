#include "netsvc/packet/rewrite.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/checksum.h"
#include "netsvc/packet/ip_writer.h"

namespace sluice::packet {
namespace {

constexpr uint16_t kDefaultMaxSegmentSize = 536;  // RFC 9293 section 3.7.1

void StoreAddress(const IpAddress& address, uint8_t* at) {
  const std::span<const uint8_t> bytes = address.bytes();
  std::copy(bytes.begin(), bytes.end(), at);
}

uint16_t AddressSum(const Packet& packet) { return Sum(packet.destination.bytes(), Sum(packet.source.bytes())); }

// Of what RewriteEndpoints() changes under the transport checksum.
uint16_t EndpointSum(const Packet& packet) {
  return Sum(packet.transport().first(2 * sizeof(uint16_t)), AddressSum(packet));
}

void StoreUpdated(uint8_t* field, uint16_t old_sum, uint16_t new_sum) {
  Store16(field, UpdateChecksum(Load16(field), old_sum, new_sum));
}

void UpdateTransport(Packet& packet, uint16_t old_sum, uint16_t new_sum) {
  uint8_t* const field = &packet.transport()[packet.is_tcp() ? tcp::kChecksum : udp::kChecksum];
  if (packet.is_udp() && Load16(field) == 0) return;  // sent without
  StoreUpdated(field, old_sum, new_sum);
  if (packet.is_udp() && Load16(field) == 0) Store16(field, udp::kZeroChecksum);
}

}  // namespace

void RewriteEndpoints(Packet& packet, const Endpoint& source, const Endpoint& destination) {
  const bool v6 = packet.source.is_v6();
  if (!(packet.is_tcp() || packet.is_udp()) || source.address.is_v6() != v6 || destination.address.is_v6() != v6) {
    return;
  }
  const uint16_t old_addresses = AddressSum(packet);
  const uint16_t old_endpoints = EndpointSum(packet);
  uint8_t* const ip = &packet.frame[packet.network_offset];
  StoreAddress(source.address, ip + (v6 ? ipv6::kSource : ipv4::kSource));
  StoreAddress(destination.address, ip + (v6 ? ipv6::kDestination : ipv4::kDestination));
  Store16(&packet.transport()[tcp::kSourcePort], source.port);
  Store16(&packet.transport()[tcp::kDestinationPort], destination.port);
  packet.source = source.address;
  packet.destination = destination.address;
  packet.source_port = source.port;
  packet.destination_port = destination.port;
  if (!v6) StoreUpdated(ip + ipv4::kChecksum, old_addresses, AddressSum(packet));
  UpdateTransport(packet, old_endpoints, EndpointSum(packet));
}

size_t TranslateEndpoints(const Packet& packet, const Endpoint& source, const Endpoint& destination,
                          std::span<uint8_t> out) {
  if (!packet.is_tcp() && !packet.is_udp()) return 0;
  const std::span<const uint8_t> transport = packet.transport();
  IpWriter writer({packet.source_mac, packet.destination_mac, source, destination}, packet.protocol, transport.size(),
                  out);
  if (!writer.ok()) return 0;
  std::copy(transport.begin(), transport.end(), writer.transport().begin());
  Store16(&writer.transport()[tcp::kSourcePort], source.port);
  Store16(&writer.transport()[tcp::kDestinationPort], destination.port);
  writer.SetHopLimit(packet.hop_limit);
  return writer.Finish();
}

void SetMacAddresses(Packet& packet, const MacAddress& source, const MacAddress& destination) {
  packet.source_mac = source;
  packet.destination_mac = destination;
  std::copy(source.bytes.begin(), source.bytes.end(), &packet.frame[ethernet::kSource]);
  std::copy(destination.bytes.begin(), destination.bytes.end(), &packet.frame[ethernet::kDestination]);
}

Offload PrepareOffload(Packet& packet, uint16_t segment_size) {
  if (!packet.is_tcp()) return {};
  const std::span<uint8_t> segment = packet.transport();
  Store16(&segment[tcp::kChecksum], PseudoHeaderSum(packet.source, packet.destination, kTcp,
                                                    static_cast<uint32_t>(segment.size())));
  Offload offload{.partial_checksum = true};
  if (segment_size > 0 && packet.payload().size() > segment_size) {
    offload.segmentation = packet.source.is_v6() ? Offload::Segmentation::kTcpV6 : Offload::Segmentation::kTcpV4;
    offload.segment_size = segment_size;
  }
  return offload;
}

uint16_t MaxSegmentSizeOption(const Packet& packet) {
  if (!packet.is_tcp()) return kDefaultMaxSegmentSize;
  std::span<const uint8_t> options = packet.transport().subspan(
      kTcpHeaderSize, packet.payload_offset - packet.transport_offset - kTcpHeaderSize);
  // Parse() saw that every length stays inside.
  while (!options.empty() && options[0] != tcp::kOptionEnd) {
    const size_t size = options[0] == tcp::kOptionNop ? 1 : options[1];
    if (options[0] == tcp::kOptionMaxSegmentSize && size == 4) return Load16(&options[2]);
    options = options.subspan(size);
  }
  return kDefaultMaxSegmentSize;
}

}  // namespace sluice::packet
