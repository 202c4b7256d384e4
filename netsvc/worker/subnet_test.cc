#include "netsvc/worker/subnet.h"

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(SubnetTest, SegmentsFitTheMtuAndAreNotAllThatIsUnderWay) {
  Subnet subnet;
  const struct {
    uint16_t mtu, ipv4, ipv6;
  } cases[] = {{1280, 1240, 1220}, {1500, 1460, 1440}, {16384, 16344, 16324}, {16444, 16384, 16384}, {65520, 16384, 16384}};
  for (const auto& of : cases) {
    subnet.mtu = of.mtu;
    EXPECT_EQ(subnet.SegmentSize(/*v6=*/false), of.ipv4) << of.mtu;
    EXPECT_EQ(subnet.SegmentSize(/*v6=*/true), of.ipv6) << of.mtu;
  }
}

}  // namespace
}  // namespace sluice
