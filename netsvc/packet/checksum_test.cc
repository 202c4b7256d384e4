#include "netsvc/packet/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/headers.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

Bytes Random(size_t size, std::mt19937& random) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(ChecksumTest, SumsTheExampleOfRfc1071) {
  const Bytes bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(Sum(bytes), 0xddf2);
}

TEST(ChecksumTest, AgreesWithTheSlowSumAtEveryLengthAndAlignment) {
  std::mt19937 random(1);
  const Bytes bytes = Random(300, random);
  for (size_t begin = 0; begin < 33; ++begin) {
    for (size_t size = 0; size <= bytes.size() - begin; ++size) {
      const std::span<const uint8_t> part = std::span(bytes).subspan(begin, size);
      ASSERT_EQ(Sum(part), NaiveSum(part)) << begin << " " << size;
    }
  }
}

TEST(ChecksumTest, AgreesWithTheSlowSumOverLargeBuffers) {
  std::mt19937 random(2);
  for (const size_t size : {1460u, 16384u, 65483u, 65535u, 65536u}) {
    const Bytes bytes = Random(size, random);
    EXPECT_EQ(Sum(bytes, 0x1234), NaiveSum(bytes, 0x1234)) << size;
  }
  // Every carry there can be.
  EXPECT_EQ(Sum(Bytes(65536, 0xff)), 0xffff);
  EXPECT_EQ(Sum(Bytes(65535, 0xff), 0xffff), NaiveSum(Bytes(65535, 0xff), 0xffff));
  EXPECT_EQ(Sum(Bytes(65536, 0)), 0);
}

TEST(ChecksumTest, SumContinuesAnEarlierOne) {
  std::mt19937 random(3);
  const Bytes bytes = Random(1001, random);
  const std::span<const uint8_t> all(bytes);
  EXPECT_EQ(Sum(all.subspan(500), Sum(all.first(500))), NaiveSum(bytes));
}

TEST(ChecksumTest, UpdateGivesWhatComputingAnewGives) {
  std::mt19937 random(4);
  for (int round = 0; round < 10'000; ++round) {
    Bytes bytes = Random(64, random);
    const uint16_t before = static_cast<uint16_t>(~NaiveSum(bytes));
    const size_t at = 2 * (random() % 31);
    const uint16_t old_sum = NaiveSum(std::span(bytes).subspan(at, 4));
    // Among others to and from all zeros and all ones, where the two zeros of
    // ones' complement show.
    Store32(&bytes[at], round % 3 == 0 ? 0 : round % 3 == 1 ? 0xffffffff : random());
    const uint16_t new_sum = NaiveSum(std::span(bytes).subspan(at, 4));
    ASSERT_EQ(UpdateChecksum(before, old_sum, new_sum), static_cast<uint16_t>(~NaiveSum(bytes)));
  }
}

TEST(ChecksumTest, TransportSumOfRightFramesIsAllOnes) {
  const struct {
    Bytes frame;
    Addressing addressing;
    uint8_t protocol;
  } kCases[] = {
      {TcpFrame(Between("10.0.2.15:1", "1.2.3.4:80"), {.payload = Pattern(99)}), Between("10.0.2.15:1", "1.2.3.4:80"),
       kTcp},
      {UdpFrame(Between("[fd00::15]:1", "[2001:db8::1]:53"), Pattern(20)), Between("[fd00::15]:1", "[2001:db8::1]:53"),
       kUdp},
      {IcmpFrame(Between("10.0.2.15:1", "1.2.3.4:1"), 8, 0, Pattern(21)), Between("10.0.2.15:1", "1.2.3.4:1"), kIcmp},
      {IcmpFrame(Between("[fd00::15]:1", "[2001:db8::1]:1"), 128, 0, Pattern(21)),
       Between("[fd00::15]:1", "[2001:db8::1]:1"), kIcmpv6},
  };
  for (const auto& c : kCases) {
    const size_t header_size = kEthernetHeaderSize + (c.addressing.source.address.is_v6() ? 40 : 20);
    const std::span<const uint8_t> transport = std::span(c.frame).subspan(header_size);
    EXPECT_EQ(TransportSum(c.addressing.source.address, c.addressing.destination.address, c.protocol, transport),
              0xffff);
    Bytes filled(transport.begin(), transport.end());
    Store16(&filled[*ChecksumOffset(c.protocol)], 0x5555);
    FillTransportChecksum(c.addressing.source.address, c.addressing.destination.address, c.protocol, filled);
    EXPECT_TRUE(std::ranges::equal(filled, transport));
  }
}

TEST(ChecksumTest, AComputedZeroOfUdpIsSentAsAllOnes) {
  const Addressing addressing = Between("10.0.2.15:1", "1.2.3.4:53");
  Bytes datagram = {0, 1, 0, 53, 0, 10, 0, 0, 0, 0};
  // A payload that makes the sum 0xffff.
  const uint16_t sum = TransportSum(addressing.source.address, addressing.destination.address, kUdp, datagram);
  Store16(&datagram[8], static_cast<uint16_t>(~sum));
  FillTransportChecksum(addressing.source.address, addressing.destination.address, kUdp, datagram);
  EXPECT_EQ(Load16(&datagram[6]), 0xffff);
}

}  // namespace
}  // namespace sluice::packet
