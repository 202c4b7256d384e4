#include "netsvc/packet/reassembler.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

using Outcome = Reassembler::Outcome;

const Addressing kV4 = Between("10.0.2.15:40000", "93.184.216.34:53");
const Addressing kV6 = Between("[fd00::15]:40000", "[2606:2800:220:1::1]:53");

class ReassemblerTest : public testing::Test {
 protected:
  Outcome Add(Bytes fragment) {
    Packet packet;
    EXPECT_EQ(Parse(fragment, packet), ParseError::kFragment);
    const Reassembler::Result result = reassembler_.Add(packet, now_);
    whole_.assign(result.frame.begin(), result.frame.end());
    return result.outcome;
  }

  // A fragment of a UDP packet with 64 bytes of IP payload.
  Outcome AddPiece(size_t begin, size_t end, bool last, uint32_t identification = 1) {
    return Add(FragmentOf(packet_, begin, end, last, identification));
  }

  const Reassembler::Counters& counters() const { return reassembler_.counters(); }

  Reassembler reassembler_;
  absl::Duration now_ = absl::Hours(1);
  const Bytes packet_ = UdpFrame(kV4, Pattern(56));
  Bytes whole_;
};

TEST_F(ReassemblerTest, PutsFragmentsTogetherInAnyOrder) {
  struct Piece {
    size_t begin, end;
  };
  for (const Addressing& addressing : {kV4, kV6}) {
    const Bytes packet = UdpFrame(addressing, Pattern(43));  // 51 bytes with the header
    std::vector<Piece> pieces = {{0, 16}, {16, 24}, {24, 48}, {48, 51}};
    const auto by_begin = [](const Piece& a, const Piece& b) { return a.begin < b.begin; };
    uint32_t identification = 0;
    do {
      ++identification;
      for (size_t i = 0; i < pieces.size(); ++i) {
        const auto& [begin, end] = pieces[i];
        const Outcome outcome = Add(FragmentOf(packet, begin, end, end == 51, identification));
        ASSERT_EQ(outcome, i + 1 < pieces.size() ? Outcome::kHeld : Outcome::kWhole);
      }
      ASSERT_EQ(whole_, Identified(packet, static_cast<uint16_t>(identification)));
    } while (std::next_permutation(pieces.begin(), pieces.end(), by_begin));
    EXPECT_EQ(identification, 24u);
  }
  EXPECT_EQ(counters().whole, 48u);
  EXPECT_EQ(counters().held, 4 * 48u);
}

TEST_F(ReassemblerTest, PutsTheLargestPacketsTogether) {
  const struct {
    Addressing addressing;
    size_t payload;
  } kCases[] = {{kV4, 65507}, {kV6, 65527}};
  for (const auto& c : kCases) {
    const Bytes packet = UdpFrame(c.addressing, Pattern(c.payload));
    const size_t size = kUdpHeaderSize + c.payload;
    for (size_t begin = 0; begin < size; begin += 1480) {
      const size_t end = std::min(begin + 1480, size);
      ASSERT_EQ(Add(FragmentOf(packet, begin, end, end == size, 9)), end == size ? Outcome::kWhole : Outcome::kHeld);
    }
    EXPECT_EQ(whole_, Identified(packet, 9));
  }
}

TEST_F(ReassemblerTest, KeepsPacketsApartByAddressProtocolAndIdentification) {
  const Bytes other_destination = UdpFrame(Between("10.0.2.15:40000", "93.184.216.35:53"), Pattern(56));
  const Bytes other_protocol = IpFrame(kV4, 47, Pattern(64));
  EXPECT_EQ(AddPiece(0, 32, false, 1), Outcome::kHeld);
  EXPECT_EQ(AddPiece(0, 32, false, 2), Outcome::kHeld);
  EXPECT_EQ(Add(FragmentOf(other_destination, 0, 32, false, 1)), Outcome::kHeld);
  EXPECT_EQ(Add(FragmentOf(other_protocol, 0, 32, false, 1)), Outcome::kHeld);
  EXPECT_EQ(AddPiece(32, 64, true, 2), Outcome::kWhole);
  EXPECT_EQ(whole_, Identified(packet_, 2));
  EXPECT_EQ(Add(FragmentOf(other_protocol, 32, 64, true, 1)), Outcome::kWhole);
  EXPECT_EQ(Add(FragmentOf(other_destination, 32, 64, true, 1)), Outcome::kWhole);
  EXPECT_EQ(AddPiece(32, 64, true, 1), Outcome::kWhole);
}

TEST_F(ReassemblerTest, Ipv6IdentificationHas32Bits) {
  const Bytes packet = UdpFrame(kV6, Pattern(56));
  EXPECT_EQ(Add(FragmentOf(packet, 0, 32, false, 0x10001)), Outcome::kHeld);
  EXPECT_EQ(Add(FragmentOf(packet, 32, 64, true, 0x20001)), Outcome::kHeld);
  EXPECT_EQ(Add(FragmentOf(packet, 32, 64, true, 0x10001)), Outcome::kWhole);
}

TEST_F(ReassemblerTest, RefusesOverlapsAndCondemnsThePacket) {
  const struct {
    size_t begin, end;
    bool last;
  } kOverlaps[] = {{16, 32, false}, {0, 16, false}, {24, 40, false}, {8, 64, true}, {16, 24, true}};
  uint32_t identification = 0;
  for (const auto& overlap : kOverlaps) {
    ++identification;
    EXPECT_EQ(AddPiece(0, 16, false, identification), Outcome::kHeld);
    EXPECT_EQ(AddPiece(16, 32, false, identification), Outcome::kHeld);
    EXPECT_EQ(AddPiece(overlap.begin, overlap.end, overlap.last, identification), Outcome::kOverlapping);
    EXPECT_EQ(AddPiece(32, 64, true, identification), Outcome::kCondemned);
    EXPECT_EQ(AddPiece(0, 16, false, identification), Outcome::kCondemned);
  }
  EXPECT_EQ(counters().overlapping, std::size(kOverlaps));
  EXPECT_EQ(counters().condemned, 2 * std::size(kOverlaps));
  EXPECT_EQ(counters().whole, 0u);
}

TEST_F(ReassemblerTest, ACondemnedPacketStaysSoUntilItsTimeIsOut) {
  AddPiece(0, 16, false);
  EXPECT_EQ(AddPiece(0, 16, false), Outcome::kOverlapping);
  now_ += Reassembler::kLifetime - absl::Nanoseconds(1);
  EXPECT_EQ(AddPiece(0, 32, false), Outcome::kCondemned);
  now_ += absl::Nanoseconds(1);
  EXPECT_EQ(AddPiece(0, 32, false), Outcome::kHeld);
  EXPECT_EQ(AddPiece(32, 64, true), Outcome::kWhole);
  EXPECT_EQ(counters().expired, 0u);  // it was refused, not forgotten
}

TEST_F(ReassemblerTest, AnUnfinishedPacketExpires) {
  EXPECT_EQ(AddPiece(0, 32, false), Outcome::kHeld);
  now_ += Reassembler::kLifetime / 2;
  EXPECT_EQ(AddPiece(32, 40, false), Outcome::kHeld);  // does not prolong it
  now_ += Reassembler::kLifetime / 2;
  EXPECT_EQ(AddPiece(40, 64, true), Outcome::kHeld);
  EXPECT_EQ(counters().expired, 1u);
}

TEST_F(ReassemblerTest, RefusesWhatDoesNotFit) {
  const Bytes large = UdpFrame(kV4, Pattern(65507));
  const struct {
    const char* what;
    Bytes fragment;
  } kCases[] = {
      {"length not of 8", FragmentOf(packet_, 0, 31, false, 1)},
      {"empty", FragmentOf(packet_, 8, 8, false, 2)},
      {"empty and last", FragmentOf(packet_, 8, 8, true, 3)},
      {"past 64 KiB", [&] {
         Bytes fragment = FragmentOf(large, 65512, 65515, true, 4);
         fragment.insert(fragment.end(), 8, 0);
         fragment[kEthernetHeaderSize + 3] += 8;
         return fragment;
       }()},
  };
  for (const auto& c : kCases) EXPECT_EQ(Add(c.fragment), Outcome::kMisfit) << c.what;
  EXPECT_EQ(counters().misfit, std::size(kCases));
}

TEST_F(ReassemblerTest, RefusesContradictionsAboutTheEnd) {
  EXPECT_EQ(AddPiece(32, 48, true, 1), Outcome::kHeld);
  EXPECT_EQ(AddPiece(48, 64, false, 1), Outcome::kMisfit);  // past the last

  EXPECT_EQ(AddPiece(32, 48, true, 2), Outcome::kHeld);
  EXPECT_EQ(AddPiece(16, 32, true, 2), Outcome::kMisfit);  // a second last

  EXPECT_EQ(AddPiece(32, 48, false, 3), Outcome::kHeld);
  EXPECT_EQ(AddPiece(16, 32, true, 3), Outcome::kMisfit);  // ends before what came
}

TEST_F(ReassemblerTest, RefusesAFirstFragmentWithoutTheTransportHeader) {
  const Bytes tcp = TcpFrame(kV4, {.payload = Pattern(40)});
  const Bytes tcp6 = TcpFrame(kV6, {.payload = Pattern(40)});
  EXPECT_EQ(Add(FragmentOf(tcp, 0, 16, false, 1)), Outcome::kTiny);
  EXPECT_EQ(Add(FragmentOf(tcp6, 0, 8, false, 1)), Outcome::kTiny);
  EXPECT_EQ(Add(FragmentOf(tcp, 16, 60, true, 1)), Outcome::kCondemned);
  EXPECT_EQ(Add(FragmentOf(tcp, 0, 24, false, 2)), Outcome::kHeld);
  EXPECT_EQ(AddPiece(0, 8, false, 3), Outcome::kHeld);  // all of UDP's
  EXPECT_EQ(counters().tiny, 2u);
}

TEST_F(ReassemblerTest, OldestMakesRoomWhenFull) {
  for (uint32_t i = 0; i < Reassembler::kMaxSets; ++i) EXPECT_EQ(AddPiece(0, 32, false, i), Outcome::kHeld);
  EXPECT_EQ(counters().evicted, 0u);
  EXPECT_EQ(AddPiece(0, 32, false, 1000), Outcome::kHeld);
  EXPECT_EQ(counters().evicted, 1u);
  EXPECT_EQ(AddPiece(32, 64, true, 1), Outcome::kWhole);  // the second oldest is there still
  EXPECT_EQ(AddPiece(32, 64, true, 0), Outcome::kHeld);   // the oldest is not
}

TEST_F(ReassemblerTest, AWholePacketInOneIpv6FragmentTouchesNoOther) {
  const Bytes packet = UdpFrame(kV6, Pattern(56));
  EXPECT_EQ(Add(FragmentOf(packet, 0, 32, false, 1)), Outcome::kHeld);
  EXPECT_EQ(Add(FragmentOf(packet, 0, 64, true, 1)), Outcome::kWhole);
  EXPECT_EQ(whole_, packet);
  EXPECT_EQ(Add(FragmentOf(packet, 32, 64, true, 1)), Outcome::kWhole);
  EXPECT_EQ(whole_, packet);
}

}  // namespace
}  // namespace sluice::packet
