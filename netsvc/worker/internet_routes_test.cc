#include "netsvc/worker/internet_routes.h"

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(InternetRoutesTest, AsksEachFamilyOnceASecond) {
  FakeClock clock;
  bool has[] = {true, false};
  int asked[] = {0, 0};
  InternetRoutes routes(clock, [&](bool ipv6) {
    ++asked[ipv6];
    return has[ipv6];
  });
  EXPECT_TRUE(routes.Has(false));
  EXPECT_FALSE(routes.Has(true));
  has[0] = false;
  has[1] = true;
  clock.Advance(InternetRoutes::kFreshFor - absl::Milliseconds(1));
  EXPECT_TRUE(routes.Has(false));
  EXPECT_FALSE(routes.Has(true));
  EXPECT_EQ(asked[0] + asked[1], 2);
  clock.Advance(absl::Milliseconds(1));
  EXPECT_FALSE(routes.Has(false));
  EXPECT_TRUE(routes.Has(true));
  EXPECT_EQ(asked[0] + asked[1], 4);
}

}  // namespace
}  // namespace sluice
