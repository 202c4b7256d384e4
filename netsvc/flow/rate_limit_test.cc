#include "netsvc/flow/rate_limit.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "netsvc/flow/byte_budget.h"

namespace sluice::flow {
namespace {

constexpr absl::Duration kStart = absl::Hours(1);
constexpr absl::Duration kTenSeconds = absl::Seconds(10);

// What a greedy sender of `size` bytes a frame gets through in ten seconds.
FrameCost Greedy(RateLimit limit, uint64_t size, absl::Duration tick = absl::Milliseconds(1)) {
  FrameCost total{.packets = 0};
  for (absl::Duration now = kStart; now < kStart + kTenSeconds;) {
    while (limit.Wait(now) == absl::ZeroDuration()) {
      limit.Take({.bytes = size}, now);
      total.bytes += size;
      ++total.packets;
    }
    // A timer of whole milliseconds is late by up to one.
    now += std::max(absl::Ceil(limit.Wait(now), tick), tick);
  }
  return total;
}

TEST(RateLimitTest, BytesAreExactOverTenSeconds) {
  for (const uint64_t rate : {100'000u, 1'000'000u, 12'500'000u, 125'000'000u}) {
    for (const uint64_t size : {600u, 1514u, 9014u}) {
      const double got = static_cast<double>(Greedy({rate, 0}, size).bytes);
      EXPECT_NEAR(got / (10.0 * static_cast<double>(rate)), 1, 0.02) << rate << " " << size;
    }
  }
}

TEST(RateLimitTest, PacketsAreExactOverTenSeconds) {
  for (const uint64_t rate : {100u, 10'000u, 100'000u}) {
    const double got = static_cast<double>(Greedy({0, rate}, 60).packets);
    EXPECT_NEAR(got / (10.0 * static_cast<double>(rate)), 1, 0.02) << rate;
  }
}

TEST(RateLimitTest, TheTighterOfTheTwoDecides) {
  EXPECT_NEAR(static_cast<double>(Greedy({1'000'000, 100}, 1000).packets), 1000, 20);
  EXPECT_NEAR(static_cast<double>(Greedy({10'000, 1'000'000}, 1000).packets), 100, 2);
}

TEST(RateLimitTest, ABurstIsBoundedHoweverLongNothingPassed) {
  RateLimit limit(1'000'000, 0);
  for (const absl::Duration idle : {absl::Seconds(1), absl::Hours(100)}) {
    const absl::Duration now = kStart + idle;
    uint64_t burst = 0;
    for (; limit.Wait(now) == absl::ZeroDuration(); burst += 1000) limit.Take({.bytes = 1000}, now);
    EXPECT_EQ(burst, 51'000u);  // 50 ms, and the frame that it ended with
  }
}

TEST(RateLimitTest, ALargeFrameIsPaidBack) {
  RateLimit limit(100'000, 0);
  limit.Take({.bytes = 65'000}, kStart);
  EXPECT_EQ(limit.Wait(kStart), absl::Milliseconds(600));
  EXPECT_EQ(limit.Wait(kStart + absl::Milliseconds(600)), absl::ZeroDuration());
}

TEST(RateLimitTest, NoLimitNeverWaits) {
  RateLimit limit;
  EXPECT_FALSE(limit.limited());
  limit.Take({.packets = 1'000'000, .bytes = 1'000'000'000'000}, kStart);
  EXPECT_EQ(limit.Wait(kStart), absl::ZeroDuration());
}

TEST(ByteBudgetTest, TheFrameThatWouldGoPastItSpendsIt) {
  ByteBudget budget;
  budget.SetTotal(1000);
  EXPECT_TRUE(budget.Covers(600));
  budget.Spend(600);
  EXPECT_FALSE(budget.Covers(401));
  EXPECT_FALSE(budget.Covers(1));
  EXPECT_TRUE(budget.spent_out());
  EXPECT_EQ(budget.spent(), 600u);
}

TEST(ByteBudgetTest, ANewTotalCountsWhatWasSpentBefore) {
  ByteBudget budget;
  EXPECT_TRUE(budget.Covers(5000));
  budget.Spend(5000);
  budget.SetTotal(5000);
  EXPECT_FALSE(budget.Covers(1));
  budget.SetTotal(6000);
  EXPECT_TRUE(budget.Covers(1000));
  EXPECT_FALSE(budget.Covers(1001));
  budget.SetTotal(0);
  EXPECT_TRUE(budget.Covers(1'000'000));
}

TEST(ByteBudgetTest, GoesOnWhereAnotherEnded) {
  ByteBudget::Spent spent;
  {
    ByteBudget budget;
    budget.KeepIn(spent);
    budget.SetTotal(1000);
    budget.Spend(600);
  }
  ByteBudget next;
  next.KeepIn(spent);
  next.SetTotal(1000);
  EXPECT_TRUE(next.Covers(400));
  EXPECT_FALSE(next.Covers(401));
  // Spent out is spent out, though a smaller frame would fit.
  ByteBudget last;
  last.KeepIn(spent);
  last.SetTotal(1000);
  EXPECT_FALSE(last.Covers(1));
  last.SetTotal(1001);
  EXPECT_TRUE(last.Covers(401));
}

}  // namespace
}  // namespace sluice::flow
