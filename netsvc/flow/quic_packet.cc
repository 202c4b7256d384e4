#include "netsvc/flow/quic_packet.h"

namespace sluice::flow {
namespace {

using Type = QuicPacket::Type;

// RFC 9000 section 17.2; RFC 9369 section 3.2 turns them by one.
Type TypeOf(uint8_t first, QuicVersion version) {
  const int bits = first >> 4 & 3;
  switch (version == QuicVersion::kV1 ? bits : (bits + 3) % 4) {
    case 0:
      return Type::kInitial;
    case 1:
      return Type::kZeroRtt;
    case 2:
      return Type::kHandshake;
    default:
      return Type::kRetry;
  }
}

std::optional<QuicVersion> VersionOf(uint64_t number) {
  for (const QuicVersion version : {QuicVersion::kV1, QuicVersion::kV2}) {
    if (number == static_cast<uint32_t>(version)) return version;
  }
  return std::nullopt;
}

}  // namespace

uint64_t TakeQuicInteger(ByteReader& reader) {
  if (reader.empty()) return reader.Integer(1);
  const size_t size = size_t{1} << (reader.rest()[0] >> 6);
  return reader.Integer(size) & (~uint64_t{0} >> (66 - 8 * size));
}

std::optional<QuicPacket> TakeQuicPacket(std::span<const uint8_t>& datagram) {
  ByteReader reader(datagram);
  const uint8_t first = static_cast<uint8_t>(reader.Integer(1));
  const std::optional<QuicVersion> version = VersionOf(reader.Integer(4));
  if (!version || !(first & kQuicFixedBit)) return std::nullopt;
  QuicPacket packet{.type = TypeOf(first, *version), .version = *version, .destination_id = reader.Vector(1)};
  const std::span<const uint8_t> source_id = reader.Vector(1);
  if (packet.destination_id.size() > kMaxQuicConnectionId || source_id.size() > kMaxQuicConnectionId) {
    return std::nullopt;
  }
  if (packet.type == Type::kRetry) return std::nullopt;  // a server's alone
  if (packet.type == Type::kInitial) reader.Take(TakeQuicInteger(reader));  // the token
  const uint64_t size = TakeQuicInteger(reader);
  packet.number_at = datagram.size() - reader.rest().size();
  reader.Take(size);
  if (!reader.ok()) return std::nullopt;
  packet.bytes = datagram.first(datagram.size() - reader.rest().size());
  datagram = reader.rest();
  return packet;
}

}  // namespace sluice::flow
