#include "server/core/restart_backoff.h"

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(RestartBackoffTest, WaitsLongerEachTimeAndGivesUp) {
  RestartBackoff backoff;
  absl::Duration now = absl::Hours(1);
  absl::Duration last = -absl::Seconds(1);
  for (int i = 0; i < RestartBackoff::kMaxEnds; ++i) {
    const std::optional<absl::Duration> delay = backoff.OnEnd(now);
    ASSERT_TRUE(delay.has_value()) << i;
    EXPECT_EQ(*delay == absl::ZeroDuration(), i == 0);
    EXPECT_TRUE(*delay > last || *delay == RestartBackoff::kMaxDelay) << *delay;
    EXPECT_LE(*delay, RestartBackoff::kMaxDelay);
    last = *delay;
    now += *delay + RestartBackoff::kStable - absl::Seconds(1);
  }
  EXPECT_FALSE(backoff.OnEnd(now).has_value());
}

TEST(RestartBackoffTest, AWorkerThatLivedBeginsAnew) {
  RestartBackoff backoff;
  absl::Duration now = absl::Hours(1);
  for (int i = 0; i < 3 * RestartBackoff::kMaxEnds; ++i) {
    EXPECT_EQ(backoff.OnEnd(now), absl::ZeroDuration());
    now += RestartBackoff::kStable;
  }
}

}  // namespace
}  // namespace sluice
