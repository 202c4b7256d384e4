#include "netsvc/flow/quic_inspector.h"

#include <algorithm>
#include <utility>

#include "netsvc/flow/tls_client_hello.h"

namespace sluice::flow {

Inspection QuicInspector::OnDatagram(std::span<const uint8_t> datagram) {
  if (datagram.empty() || !(datagram[0] & (kQuicLongHeader | kQuicFixedBit))) return Inspection::Unknown();
  const bool readable = latest_.outcome != Inspection::Outcome::kUnreadable && ReadPackets(datagram);
  if (!readable) {
    connections_.clear();
    latest_ = Inspection::Unreadable();
  }
  return latest_;
}

size_t QuicInspector::held() const {
  size_t held = 0;
  for (const Connection& connection : connections_) held += connection.handshake.size();
  return held;
}

// A datagram holds packets of one connection; one with a short header, or padding,
// takes the rest of it (RFC 9000 section 12.2).
bool QuicInspector::ReadPackets(std::span<const uint8_t> datagram) {
  std::optional<std::span<const uint8_t>> id;
  while (!datagram.empty() && (datagram[0] & kQuicLongHeader)) {
    const std::optional<QuicPacket> packet = TakeQuicPacket(datagram);
    if (!packet || (id && !std::ranges::equal(*id, packet->destination_id))) return false;
    id = packet->destination_id;
    if (packet->type == QuicPacket::Type::kInitial && !ReadInitial(*packet)) return false;
  }
  return !connections_.empty();
}

// Keys tell which connection a packet belongs to: its destination changes once the
// server has chosen its own, and the first packet after a Retry has new keys, as
// that of a new connection has.
bool QuicInspector::ReadInitial(const QuicPacket& packet) {
  for (Connection& connection : connections_) {
    const std::optional<QuicKeys::Opened> opened = connection.Open(packet);
    if (opened) return ReadFrames(connection, *opened);
  }
  const std::optional<QuicKeys> keys = QuicKeys::ForClient(packet.version, packet.destination_id);
  const std::optional<QuicKeys::Opened> opened = keys ? keys->Open(packet, std::nullopt) : std::nullopt;
  if (!opened) return false;
  if (connections_.size() == kMaxConnections) connections_.erase(connections_.begin());
  connections_.push_back({.version = packet.version,
                          .first_id = {packet.destination_id.begin(), packet.destination_id.end()},
                          .keys = *keys});
  return ReadFrames(connections_.back(), *opened);
}

bool QuicInspector::ReadFrames(Connection& connection, const QuicKeys::Opened& opened) {
  connection.largest_number = std::max(connection.largest_number.value_or(0), opened.number);
  if (!connection.handshake.AddFrames(opened.frames) || held() > kMaxInspected) return false;
  latest_ = InspectHandshake(connection.handshake.prefix());
  return true;
}

// Where client and server agree on another version, the client's later packets
// have keys of that version, of the same first destination (RFC 9369 section 4.1).
std::optional<QuicKeys::Opened> QuicInspector::Connection::Open(const QuicPacket& packet) const {
  if (packet.version == version) return keys.Open(packet, largest_number);
  const std::optional<QuicKeys> other = QuicKeys::ForClient(packet.version, first_id);
  return other ? other->Open(packet, largest_number) : std::nullopt;
}

}  // namespace sluice::flow
