#include "netsvc/packet/fragment.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/checksum.h"
#include "netsvc/packet/headers.h"

namespace sluice::packet {
namespace {

// Fragment offsets count in 8 bytes (RFC 791, RFC 8200 section 4.5).
constexpr size_t kUnit = 8;

// Where a fragment's payload stands in its packet's.
struct Piece {
  size_t begin = 0;
  size_t size = 0;
  bool last = false;
};

// Both write what is different in a fragment behind a copy of the packet's
// Ethernet and IP headers, and return where its payload goes.
size_t MarkIpv4(const Piece& piece, uint32_t identification, std::span<uint8_t> out) {
  const std::span<uint8_t> ip = out.subspan(kEthernetHeaderSize);
  const size_t header = size_t{ip[ipv4::kVersionAndHeaderSize]} % 16 * 4;
  Store16(&ip[ipv4::kTotalSize], static_cast<uint16_t>(header + piece.size));
  Store16(&ip[ipv4::kIdentification], static_cast<uint16_t>(identification));
  const uint16_t more = piece.last ? 0 : ipv4::kMoreFragments;
  Store16(&ip[ipv4::kFragment], static_cast<uint16_t>(piece.begin / kUnit | more));
  FillIpv4Checksum(ip.first(header));
  return kEthernetHeaderSize + header;
}

size_t MarkIpv6(const Piece& piece, uint32_t identification, std::span<uint8_t> out) {
  const std::span<uint8_t> ip = out.subspan(kEthernetHeaderSize);
  const std::span<uint8_t> fragment = ip.subspan(kIpv6HeaderSize);
  Store16(&ip[ipv6::kPayloadSize], static_cast<uint16_t>(ipv6_fragment::kSize + piece.size));
  fragment[ipv6_fragment::kNextHeader] = ip[ipv6::kNextHeader];
  fragment[ipv6_fragment::kNextHeader + 1] = 0;
  ip[ipv6::kNextHeader] = ipv6::kFragmentHeader;
  const uint16_t more = piece.last ? 0 : ipv6_fragment::kMoreFragments;
  Store16(&fragment[ipv6_fragment::kOffset], static_cast<uint16_t>(piece.begin | more));
  Store32(&fragment[ipv6_fragment::kIdentification], identification);
  return kEthernetHeaderSize + kIpv6HeaderSize + ipv6_fragment::kSize;
}

}  // namespace

void CutFragments(const Packet& packet, uint16_t mtu, uint32_t identification, std::span<uint8_t> out,
                  const std::function<void(std::span<const uint8_t>)>& send) {
  const bool v6 = packet.source.is_v6();
  const std::span<const uint8_t> payload = packet.transport();
  const size_t headers = packet.transport_offset - packet.network_offset + (v6 ? ipv6_fragment::kSize : 0);
  const size_t most = (mtu - headers) / kUnit * kUnit;
  for (size_t at = 0; at < payload.size(); at += most) {
    const Piece piece{at, std::min(most, payload.size() - at), at + most >= payload.size()};
    std::copy_n(packet.frame.begin(), packet.transport_offset, out.begin());
    const size_t start = v6 ? MarkIpv6(piece, identification, out) : MarkIpv4(piece, identification, out);
    const std::span<const uint8_t> bytes = payload.subspan(piece.begin, piece.size);
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<ptrdiff_t>(start));
    send(out.first(start + piece.size));
  }
}

}  // namespace sluice::packet
