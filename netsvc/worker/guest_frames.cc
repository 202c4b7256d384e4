#include "netsvc/worker/guest_frames.h"

#include <algorithm>
#include <array>
#include <string>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/headers.h"
#include "netsvc/packet/packet.h"
#include "netsvc/packet/repair.h"

namespace sluice {
namespace {

using packet::Bytes;
using packet::kEthernetHeaderSize;

bool IsV6(const Bytes& frame) { return Load16(&frame[packet::ethernet::kType]) == packet::kEtherTypeIpv6; }

size_t HeaderSize(const Bytes& frame) {
  return kEthernetHeaderSize + (IsV6(frame) ? packet::kIpv6HeaderSize : packet::kIpv4HeaderSize);
}

}  // namespace

packet::Addressing GuestFrames::Route(v1::Protocol& protocol) {
  const std::array<IpAddress, 12> own = {
      subnet_.ipv4.gateway,   subnet_.ipv4.dns,          subnet_.ipv6.gateway,         subnet_.ipv6.dns,
      subnet_.ipv4.guest,     subnet_.ipv4.published,    subnet_.dns_service.address,  packet::Ip("127.0.0.1"),
      packet::Ip("::1"),      packet::Ip("0.0.0.0"),     packet::Ip("255.255.255.255"), packet::Ip("fd73:6c75:6963:1::99")};
  std::vector<DomainName> names;
  const policy::FlowQuery query = world_.Query(names);
  protocol = query.protocol;
  Endpoint remote{Chance(20) ? own[Pick(own.size())] : query.remote, query.port};
  if (Chance(3)) remote.port = 50051;
  const uint16_t guest_port = static_cast<uint16_t>(40'000 + Pick(4));
  return {subnet_.guest_mac, subnet_.gateway_mac, {subnet_.family(remote.address).guest, guest_port}, remote};
}

Bytes GuestFrames::Payload() {
  if (Chance(30)) return {};
  if (Chance(80)) return packet::Pattern(1 + Pick(200));
  const std::string text = "GET / HTTP/1.1\r\nHost: n1.example.com\r\n\r\n";
  return Bytes(text.begin(), text.end());
}

uint8_t GuestFrames::TcpFlags() {
  if (Chance(50)) return packet::kSyn;
  constexpr std::array<uint8_t, 5> kUsual = {0x10, 0x18, 0x11, 0x04, 0x14};
  return Chance(80) ? kUsual[Pick(kUsual.size())] : static_cast<uint8_t>(Pick(256));
}

Bytes GuestFrames::Icmp(const packet::Addressing& route) {
  const bool v6 = route.source.address.is_v6();
  if (Chance(50)) return packet::IcmpFrame(route, v6 ? 128 : 8, 0, packet::Pattern(4 + Pick(40)));
  return packet::IcmpFrame(route, static_cast<uint8_t>(Pick(256)), static_cast<uint8_t>(Pick(4)),
                           packet::Pattern(4 + Pick(60)));
}

Bytes GuestFrames::Whole() {
  v1::Protocol protocol;
  const packet::Addressing route = Route(protocol);
  if (Chance(5)) return packet::IpFrame(route, static_cast<uint8_t>(Pick(256)), packet::Pattern(Pick(60)));
  if (Chance(2)) return packet::ArpFrame(1, subnet_.guest_mac, subnet_.ipv4.guest, subnet_.ipv4.gateway);
  if (protocol == v1::PROTOCOL_UDP) return packet::UdpFrame(route, Payload());
  if (protocol == v1::PROTOCOL_ICMP) return Icmp(route);
  return packet::TcpFrame(route, {.flags = TcpFlags(),
                                  .sequence = 1000 + Pick(3),
                                  .urgent_pointer = static_cast<uint16_t>(Chance(10) ? Pick(65536) : 0),
                                  .payload = Payload()});
}

// IPv4: an option of four bytes. IPv6: a header of eight, of a kind that comes
// ahead of the transport (RFC 8200 section 4.1).
void GuestFrames::WithUnneededHeader(Bytes& frame) {
  uint8_t* const ip = &frame[kEthernetHeaderSize];
  const auto at = frame.begin() + static_cast<ptrdiff_t>(HeaderSize(frame));
  if (!IsV6(frame)) {
    ip[0] = 0x46;
    Store16(ip + 2, static_cast<uint16_t>(Load16(ip + 2) + 4));
    frame.insert(at, 4, 1);
    return;
  }
  constexpr std::array<uint8_t, 6> kKinds = {0, 43, 44, 51, 60, 135};
  const uint8_t next = ip[packet::ipv6::kNextHeader];
  ip[packet::ipv6::kNextHeader] = kKinds[Pick(kKinds.size())];
  Store16(ip + packet::ipv6::kPayloadSize, static_cast<uint16_t>(Load16(ip + packet::ipv6::kPayloadSize) + 8));
  const Bytes header = {next, 0, 1, 4, 0, 0, 0, 0};
  frame.insert(at, header.begin(), header.end());
}

void GuestFrames::Spoof(Bytes& frame) {
  if (Chance(20)) {
    frame[packet::ethernet::kSource + 5] ^= 0x30;
    return;
  }
  const size_t source = kEthernetHeaderSize + (IsV6(frame) ? packet::ipv6::kSource : packet::ipv4::kSource);
  frame[source + Pick(4)] ^= static_cast<uint8_t>(1 + Pick(255));
}

void GuestFrames::Mutate(Bytes& frame) {
  for (uint32_t times = 1 + Pick(3); times > 0; --times) frame[Pick(frame.size())] ^= static_cast<uint8_t>(1u << Pick(8));
  if (Chance(20)) frame.resize(1 + Pick(frame.size()));
  if (Chance(10)) frame.insert(frame.end(), 1 + Pick(30), 0xee);
}

// Pieces of at least eight bytes, at times overlapping or incomplete.
std::vector<Bytes> GuestFrames::Fragments(const Bytes& frame) {
  const size_t size = frame.size() - HeaderSize(frame);
  const uint32_t identification = Pick(4);
  const size_t piece = 8 * (1 + Pick(4));
  std::vector<Bytes> fragments;
  for (size_t at = 0; at < size; at += piece) {
    const size_t begin = at >= 8 && Chance(5) ? at - 8 : at;
    const size_t end = std::min(at + piece, size);
    fragments.push_back(packet::FragmentOf(frame, begin, end, end == size, identification));
  }
  if (Chance(50)) std::ranges::shuffle(fragments, random_);
  if (!fragments.empty() && Chance(10)) fragments.pop_back();
  return fragments;
}

std::vector<Bytes> GuestFrames::Next() {
  if (Chance(2)) return {packet::Pattern(Pick(120))};
  Bytes frame = Whole();
  const bool is_ip = Load16(&frame[packet::ethernet::kType]) != packet::kEtherTypeArp;
  if (is_ip && Chance(5)) WithUnneededHeader(frame);
  if (is_ip && Chance(10)) Spoof(frame);
  const bool keeps_source = Chance(80);
  std::vector<Bytes> frames = is_ip && Chance(10) ? Fragments(frame) : std::vector<Bytes>{frame};
  for (Bytes& each : frames) {
    if (Chance(15)) Mutate(each);
    if (keeps_source && each.size() > kEthernetHeaderSize) {
      MacAddress source;
      std::copy_n(&each[packet::ethernet::kSource], source.bytes.size(), source.bytes.begin());
      packet::Repair(each, source);
    }
  }
  return frames;
}

}  // namespace sluice
