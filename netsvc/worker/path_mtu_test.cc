#include "netsvc/worker/path_mtu.h"

#include <netinet/in.h>

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(PathMtuTest, IsThatOfTheLoopbackInterface) {
  EXPECT_GE(PathMtu(IpAddress::V4(INADDR_LOOPBACK)).value_or(0), 1280);
}

TEST(PathMtuTest, IsUnknownWithoutARoute) {
  // Sockets of datagrams do not connect to the limited broadcast unasked.
  EXPECT_EQ(PathMtu(IpAddress::V4(INADDR_BROADCAST)), std::nullopt);
}

}  // namespace
}  // namespace sluice
