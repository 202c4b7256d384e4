#include "netsvc/packet/segment.h"

#include <gtest/gtest.h>

#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

const Addressing kV4 = Between("10.0.2.15:40000", "93.184.216.34:443");
const Addressing kV6 = Between("[fd00::15]:40000", "[2606:2800:220:1::1]:443");

TEST(SegmentTest, SegmentsAddUpToTheWhole) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Bytes payload = Pattern(4000);
    Bytes frame = TcpFrame(addressing, {.flags = kAck | kPsh | kFin,
                                        .sequence = 0xfffffff0,
                                        .options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2},
                                        .payload = payload});
    Packet packet;
    ASSERT_EQ(Parse(frame, packet), ParseError::kNone);
    Bytes joined;
    for (size_t at = 0; at < payload.size(); at += 1448) {
      Bytes copy(2000);
      copy.resize(CopyTcpSegment(packet, at, 1448, copy));
      Packet segment;
      ASSERT_EQ(Parse(copy, segment), ParseError::kNone);
      EXPECT_TRUE(ChecksumsAreRight(copy));
      EXPECT_EQ(segment.source_endpoint(), packet.source_endpoint());
      EXPECT_EQ(segment.destination_mac, packet.destination_mac);
      EXPECT_EQ(segment.sequence, packet.sequence + static_cast<uint32_t>(at));
      EXPECT_EQ(segment.acknowledgment, packet.acknowledgment);
      EXPECT_EQ(segment.payload_offset, packet.payload_offset);
      const bool last = at + 1448 >= payload.size();
      EXPECT_EQ(segment.tcp_flags, last ? kAck | kPsh | kFin : +kAck);
      joined.insert(joined.end(), segment.payload().begin(), segment.payload().end());
    }
    EXPECT_EQ(joined, payload);
  }
}

TEST(SegmentTest, NothingWhereItDoesNotFit) {
  Bytes frame = TcpFrame(kV4, {.payload = Pattern(100)});
  Packet packet;
  ASSERT_EQ(Parse(frame, packet), ParseError::kNone);
  Bytes out(frame.size() - 1);
  EXPECT_EQ(CopyTcpSegment(packet, 0, 100, out), 0u);
}

}  // namespace
}  // namespace sluice::packet
