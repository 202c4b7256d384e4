#include "netsvc/packet/fragment.h"

#include <gtest/gtest.h>

#include "netsvc/packet/reassembler.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

const Addressing kV4 = Between("93.184.216.34:7", "10.0.2.15:40000");
const Addressing kV6 = Between("[2606:2800:220:1::1]:7", "[fd00::15]:40000");

std::vector<Bytes> Cut(Bytes frame, uint16_t mtu) {
  Packet packet;
  EXPECT_EQ(Parse(frame, packet), ParseError::kNone);
  Bytes out(kEthernetHeaderSize + mtu);
  std::vector<Bytes> fragments;
  CutFragments(packet, mtu, 4711, out,
               [&](std::span<const uint8_t> fragment) { fragments.emplace_back(fragment.begin(), fragment.end()); });
  return fragments;
}

TEST(FragmentTest, FragmentsAreWhatTheRfcsDraw) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Bytes frame = UdpFrame(addressing, Pattern(3000));
    const std::vector<Bytes> fragments = Cut(frame, 1500);
    ASSERT_EQ(fragments.size(), 3u);
    const size_t most = addressing.source.address.is_v6() ? 1448 : 1480;
    EXPECT_EQ(fragments[0], FragmentOf(frame, 0, most, false, 4711));
    EXPECT_EQ(fragments[1], FragmentOf(frame, most, 2 * most, false, 4711));
    EXPECT_EQ(fragments[2], FragmentOf(frame, 2 * most, 3008, true, 4711));
  }
}

TEST(FragmentTest, AReceiverPutsThemTogetherAtEveryMtu) {
  for (const Addressing& addressing : {kV4, kV6}) {
    const Bytes frame = UdpFrame(addressing, Pattern(addressing.source.address.is_v6() ? 65'500 : 65'507));
    for (const uint16_t mtu : {uint16_t{1280}, uint16_t{1500}, uint16_t{9000}, uint16_t{65'520}}) {
      Reassembler reassembler;
      Bytes whole;
      for (Bytes& fragment : Cut(frame, mtu)) {
        EXPECT_LE(fragment.size(), kEthernetHeaderSize + mtu);
        Packet packet;
        ASSERT_EQ(Parse(fragment, packet), ParseError::kFragment);
        const Reassembler::Result result = reassembler.Add(packet, absl::ZeroDuration());
        whole.assign(result.frame.begin(), result.frame.end());
      }
      EXPECT_EQ(whole, addressing.source.address.is_v6() ? frame : Identified(frame, 4711)) << mtu;
    }
  }
}

}  // namespace
}  // namespace sluice::packet
