#include "netsvc/packet/tcp_merger.h"

#include <algorithm>
#include <utility>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/checksum.h"
#include "netsvc/packet/headers.h"

namespace sluice::packet {
namespace {

constexpr size_t kMaxIpPacket = 65535;

bool SameBytes(const Packet& a, const Packet& b, size_t begin, size_t end) {
  return std::equal(a.frame.begin() + static_cast<ptrdiff_t>(begin), a.frame.begin() + static_cast<ptrdiff_t>(end),
                    b.frame.begin() + static_cast<ptrdiff_t>(begin));
}

// Everything but lengths, identification, checksums, sequence and flags.
bool SameHeaders(const Packet& a, const Packet& b) {
  if (a.ether_type != b.ether_type || a.payload_offset != b.payload_offset) return false;
  const size_t ip = a.network_offset;
  const size_t tcp = a.transport_offset;
  const bool same_ip = a.source.is_v4()
                           ? SameBytes(a, b, 0, ip + ipv4::kTotalSize) &&
                                 SameBytes(a, b, ip + ipv4::kFragment, ip + ipv4::kChecksum) &&
                                 SameBytes(a, b, ip + ipv4::kSource, tcp)
                           : SameBytes(a, b, 0, ip + ipv6::kPayloadSize) && SameBytes(a, b, ip + ipv6::kNextHeader, tcp);
  return same_ip && SameBytes(a, b, tcp, tcp + tcp::kSequence) &&
         SameBytes(a, b, tcp + tcp::kAcknowledgment, tcp + tcp::kFlags) &&
         SameBytes(a, b, tcp + tcp::kWindow, tcp + tcp::kChecksum) &&
         SameBytes(a, b, tcp + tcp::kUrgentPointer, a.payload_offset);
}

}  // namespace

bool TcpMerger::Follows(const Packet& packet, uint16_t segment_size) const {
  const size_t payload = packet.payload().size();
  return !complete() && segment_size == segment_size_ && payload > 0 && (packet.tcp_flags & ~kPsh) == kAck &&
         packet.sequence == held_.sequence + static_cast<uint32_t>(held_.payload().size()) &&
         held_.frame.size() - held_.network_offset + payload <= kMaxIpPacket && SameHeaders(held_, packet);
}

bool TcpMerger::Take(const Packet& packet, uint16_t segment_size) {
  if (empty()) {
    if (packet.tcp_flags != kAck || packet.payload().size() < kMinPayload) return false;
    buffer_.resize(kMaxFrameSize);
    std::copy(packet.frame.begin(), packet.frame.end(), buffer_.begin());
    held_ = packet;
    held_.frame = std::span(buffer_).first(packet.frame.size());
    segment_size_ = segment_size;
    return true;
  }
  if (!Follows(packet, segment_size)) return false;
  const std::span<uint8_t> payload = packet.payload();
  std::copy(payload.begin(), payload.end(), buffer_.begin() + static_cast<ptrdiff_t>(held_.frame.size()));
  held_.frame = std::span(buffer_).first(held_.frame.size() + payload.size());
  held_.tcp_flags |= packet.tcp_flags;
  return true;
}

TcpMerger::Merged TcpMerger::Release() {
  const Merged merged{std::exchange(held_, {}), segment_size_};
  const std::span<uint8_t> ip = merged.packet.frame.subspan(merged.packet.network_offset);
  if (merged.packet.source.is_v4()) {
    Store16(&ip[ipv4::kTotalSize], static_cast<uint16_t>(ip.size()));
    FillIpv4Checksum(ip.first(kIpv4HeaderSize));
  } else {
    Store16(&ip[ipv6::kPayloadSize], static_cast<uint16_t>(ip.size() - kIpv6HeaderSize));
  }
  merged.packet.transport()[tcp::kFlags] = merged.packet.tcp_flags;
  return merged;
}

}  // namespace sluice::packet
