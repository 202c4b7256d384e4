#include "netsvc/packet/tcp_merger.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "netsvc/packet/checksum.h"
#include "netsvc/packet/segment.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

constexpr uint16_t kSegmentSize = 1448;
constexpr size_t kPiece = 16384;
const Addressing kV4 = Between("93.184.216.34:443", "10.0.2.15:40000");
const Addressing kV6 = Between("[2606:2800:220:1::1]:443", "[fd00::15]:40000");

// A frame, and what Parse() makes of it.
struct Parsed {
  explicit Parsed(Bytes bytes) : frame(std::move(bytes)) { EXPECT_EQ(Parse(frame, packet), ParseError::kNone); }
  Parsed(const Addressing& addressing, const TcpFields& fields) : Parsed(TcpFrame(addressing, fields)) {}
  Parsed(const Parsed& other) : Parsed(other.frame) {}

  Bytes frame;
  Packet packet;
};

TEST(TcpMergerTest, WhatItMakesOfSegmentsIsWhatTheyWereCutFrom) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Bytes payload = Pattern(3 * kPiece);
    const Parsed whole(addressing, {.flags = kAck | kPsh, .sequence = 0xfffff000, .payload = payload});
    TcpMerger merger;
    for (size_t at = 0; at < payload.size(); at += kPiece) {
      EXPECT_FALSE(merger.complete());
      Bytes cut(kPiece + 100);
      cut.resize(CopyTcpSegment(whole.packet, at, kPiece, cut));
      EXPECT_TRUE(merger.Take(Parsed(cut).packet, kSegmentSize));
    }
    EXPECT_TRUE(merger.complete());
    const TcpMerger::Merged merged = merger.Release();
    EXPECT_EQ(merged.segment_size, kSegmentSize);
    FillTransportChecksum(merged.packet.source, merged.packet.destination, kTcp, merged.packet.transport());
    EXPECT_EQ(Bytes(merged.packet.frame.begin(), merged.packet.frame.end()), whole.frame);
    EXPECT_TRUE(merger.empty());
  }
}

TEST(TcpMergerTest, OnlyALargePlainSegmentBegins) {
  for (const TcpFields& fields : {TcpFields{.payload = Pattern(TcpMerger::kMinPayload - 1)},
                                  TcpFields{.flags = kAck | kPsh, .payload = Pattern(kPiece)},
                                  TcpFields{.flags = kAck | kFin, .payload = Pattern(kPiece)},
                                  TcpFields{.flags = kSyn, .payload = Pattern(kPiece)}}) {
    TcpMerger merger;
    EXPECT_FALSE(merger.Take(Parsed(kV4, fields).packet, kSegmentSize));
    EXPECT_TRUE(merger.empty());
  }
}

TEST(TcpMergerTest, OnlyWhatFollowsIsTaken) {
  const uint32_t next = 1000 + kPiece;
  const Bytes more = Pattern(100);
  const Addressing other_port = Between("93.184.216.34:444", "10.0.2.15:40000");
  const Addressing other_guest = Between("93.184.216.34:443", "10.0.2.16:40000");
  const std::vector<Parsed> strangers = {
      Parsed(kV4, {.sequence = next + 1, .payload = more}),  // a gap
      Parsed(kV4, {.sequence = 1000, .payload = more}),      // sent again
      Parsed(kV4, {.sequence = next, .acknowledgment = 2001, .payload = more}),
      Parsed(kV4, {.flags = kAck | kFin, .sequence = next, .payload = more}),
      Parsed(kV4, {.flags = kAck | kRst, .sequence = next, .payload = more}),
      Parsed(kV4, {.sequence = next, .options = {1, 1, 1, 1}, .payload = more}),
      Parsed(kV4, {.sequence = next}),
      Parsed(kV4, {.sequence = next, .payload = Pattern(65535 - 40 - kPiece + 1)}),  // too much for one packet
      Parsed(other_port, {.sequence = next, .payload = more}),
      Parsed(other_guest, {.sequence = next, .payload = more}),
      Parsed(kV6, {.sequence = next, .payload = more}),
  };
  for (size_t i = 0; i < strangers.size(); ++i) {
    TcpMerger merger;
    ASSERT_TRUE(merger.Take(Parsed(kV4, {.sequence = 1000, .payload = Pattern(kPiece)}).packet, kSegmentSize));
    EXPECT_FALSE(merger.Take(strangers[i].packet, kSegmentSize)) << i;
    const Parsed follower(kV4, {.sequence = next, .payload = more});
    EXPECT_FALSE(merger.Take(follower.packet, kSegmentSize - 1));
    EXPECT_TRUE(merger.Take(follower.packet, kSegmentSize));
    EXPECT_EQ(merger.Release().packet.payload().size(), kPiece + more.size());
  }
}

}  // namespace
}  // namespace sluice::packet
