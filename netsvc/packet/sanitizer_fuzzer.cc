// Frames of a hostile guest through the sanitizer, and what it lets through on
// through the builders and rewriters that its packets meet next.
//
// An input is a row of records, as sanitizer_seeds.h has them, for one sanitizer.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/builder.h"
#include "netsvc/packet/repair.h"
#include "netsvc/packet/rewrite.h"
#include "netsvc/packet/sanitizer.h"
#include "netsvc/packet/sanitizer_seeds.h"
#include "netsvc/packet/test_frames.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice::packet {
namespace {

using Verdict = Sanitizer::Verdict;

Sanitizer::Options GuestOptions() {
  return {.guest_mac = GuestMac(),
          .guest_ipv4 = Ip("10.0.2.15"),
          .ipv6_subnet = IpPrefix(Ip("fd00::"), 64),
          .gateway_addresses = {Ip("10.0.2.2"), Ip("10.0.2.3"), Ip("fd00::2"), Ip("fd00::3")}};
}

bool IsGuestSource(const IpAddress& address) {
  static const Sanitizer::Options options = GuestOptions();
  if (address.is_v4()) return address == options.guest_ipv4;
  return options.ipv6_subnet.Contains(address) && std::ranges::count(options.gateway_addresses, address) == 0;
}

Offload OffloadOf(uint8_t control) {
  Offload offload{.partial_checksum = (control & kPartialChecksum) != 0};
  if ((control & kSegmentV4) != 0) offload.segmentation = Offload::Segmentation::kTcpV4;
  if ((control & kSegmentV6) != 0) offload.segmentation = Offload::Segmentation::kTcpV6;
  if (offload.segmentation != Offload::Segmentation::kNone) offload.segment_size = 1460;
  return offload;
}

// A frame of our own making: it parses, and its checksums are right.
void RequireSound(std::span<uint8_t> frame) {
  if (frame.empty()) return;
  Packet packet;
  FUZZ_REQUIRE(Parse(frame, packet) == ParseError::kNone);
  FUZZ_REQUIRE(packet.frame.size() == frame.size());
  FUZZ_REQUIRE(ChecksumsAreRight(frame));
}

void CheckPacket(const Packet& packet) {
  Packet again;
  FUZZ_REQUIRE(Parse(packet.frame, again) == ParseError::kNone);
  FUZZ_REQUIRE(again.frame.size() == packet.frame.size());
  FUZZ_REQUIRE(again.source == packet.source && again.destination == packet.destination);
  FUZZ_REQUIRE(again.tcp_flags == packet.tcp_flags);
  FUZZ_REQUIRE(packet.source_mac == GuestMac());
  FUZZ_REQUIRE(packet.source != packet.destination);
  FUZZ_REQUIRE(ChecksumsAreRight(packet.frame));
  if (!packet.is_tcp()) return;
  FUZZ_REQUIRE((packet.tcp_flags & kUrg) == 0);
  FUZZ_REQUIRE(Load16(&packet.transport()[tcp::kUrgentPointer]) == 0);
}

void CheckAnswers(const Packet& packet, std::span<uint8_t> out) {
  RequireSound(out.first(BuildTcpReset(packet, GatewayMac(), out)));
  RequireSound(out.first(BuildProhibited(packet, GatewayMac(), out)));
}

void CheckRewrites(Packet packet, std::span<uint8_t> out) {
  if (!packet.is_tcp() && !packet.is_udp()) return;
  const bool v6 = packet.source.is_v6();
  const Endpoint v4_from = At("10.0.2.15:1");
  const Endpoint v4_to = At("127.0.0.1:2");
  const Endpoint v6_from = At("[fd00::15]:1");
  const Endpoint v6_to = At("[::1]:2");
  RequireSound(out.first(TranslateEndpoints(packet, v6 ? v4_from : v6_from, v6 ? v4_to : v6_to, out)));
  RewriteEndpoints(packet, v6 ? v6_from : v4_from, v6 ? v6_to : v4_to);
  RequireSound(packet.frame);
  FUZZ_REQUIRE(MaxSegmentSizeOption(packet) <= 0xffff);
  PrepareOffload(packet, 1460);
}

void CheckResult(const Sanitizer::Result& result, std::span<uint8_t> out) {
  const Packet& packet = result.packet;
  switch (result.verdict) {
    case Verdict::kPacket:
      CheckPacket(packet);
      FUZZ_REQUIRE(IsGuestSource(packet.source));
      CheckAnswers(packet, out);
      CheckRewrites(packet, out);
      return;
    case Verdict::kDhcp:
      CheckPacket(packet);
      FUZZ_REQUIRE(packet.destination == Ip("255.255.255.255") || packet.destination == Ip("10.0.2.2") ||
              packet.destination == Ip("ff02::1:2"));
      return;
    case Verdict::kNeighborDiscovery:
      CheckPacket(packet);
      FUZZ_REQUIRE(packet.protocol == kIcmpv6 && packet.hop_limit == 255);
      return;
    case Verdict::kArp:
      FUZZ_REQUIRE(packet.frame.size() == kEthernetHeaderSize + kArpSize);
      FUZZ_REQUIRE(packet.source_mac == GuestMac());
      return;
    case Verdict::kHeld:
      return;
    case Verdict::kMalformed:
    case Verdict::kUnsupported:
      FUZZ_REQUIRE(result.problem[0] != '\0');
      return;
  }
}

void ProcessRow(std::span<const uint8_t> row) {
  static std::vector<uint8_t> out(kMaxFrameSize);
  Sanitizer sanitizer(GuestOptions());
  absl::Duration now = absl::Hours(1);
  while (row.size() >= kRecordHeaderSize) {
    const uint8_t control = row[0];
    const size_t stated = Load16(&row[1]);
    row = row.subspan(kRecordHeaderSize);
    const size_t size = stated == kAllTheRest ? row.size() : std::min(stated, row.size());
    // A buffer of just the frame's size, so that a read past it is seen.
    Bytes frame(row.begin(), row.begin() + static_cast<ptrdiff_t>(size));
    row = row.subspan(size);
    if ((control & kRepair) != 0) Repair(frame, GuestMac());
    if ((control & kAdvanceClock) != 0) now += absl::Seconds(10);
    CheckResult(sanitizer.Process({frame, OffloadOf(control)}, now), out);
  }
}

}  // namespace
}  // namespace sluice::packet

std::vector<sluice::fuzz::Bytes> sluice::fuzz::Seeds() { return packet::SanitizerSeeds(); }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::packet::ProcessRow({data, size});
  return 0;
}
