#include "netsvc/worker/rejecter.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <array>

#include "netsvc/packet/builder.h"

namespace sluice {

void Rejecter::Reject(const packet::Packet& packet) {
  if (!judge_.policy().rejects()) return;
  std::array<uint8_t, packet::kMaxRejectSize> frame;
  const size_t size = packet.is_tcp() ? packet::BuildTcpReset(packet, subnet_.gateway_mac, frame)
                                      : packet::BuildProhibited(packet, subnet_.gateway_mac, frame);
  if (size > 0) link_.Write(std::span(frame).first(size));
}

void Rejecter::RejectUnreachable(const packet::Packet& packet) {
  std::array<uint8_t, packet::kMaxRejectSize> frame;
  const bool v6 = packet.source.is_v6();
  const packet::Addressing addressing{subnet_.gateway_mac, packet.source_mac,
                                      {subnet_.family(packet.source).gateway, 0}, packet.source_endpoint()};
  const uint8_t type = v6 ? uint8_t{ICMP6_DST_UNREACH} : uint8_t{ICMP_UNREACH};
  const uint8_t code = v6 ? uint8_t{ICMP6_DST_UNREACH_NOROUTE} : uint8_t{ICMP_UNREACH_NET};
  const size_t size = packet::BuildIcmpError(addressing, type, code, 0, packet.frame.subspan(packet.network_offset),
                                             frame);
  if (size > 0) link_.Write(std::span(frame).first(size));
}

}  // namespace sluice
