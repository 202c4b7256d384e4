#include "server/guest/call_limit.h"

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(CallLimitTest, RefusesOneTooManyUntilOneEnds) {
  CallLimit limit(2, "calls");
  auto first = limit.Take();
  const auto second = limit.Take();
  ASSERT_TRUE(first.ok() && second.ok());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(absl::IsResourceExhausted(limit.Take().status()));
  const std::shared_ptr<const void> copy = *first;
  *first = nullptr;
  EXPECT_TRUE(absl::IsResourceExhausted(limit.Take().status())) << "a copy holds it";
}

TEST(CallLimitTest, ACallThatEndsMakesRoom) {
  CallLimit limit(1, "calls");
  { ASSERT_TRUE(limit.Take().ok()); }
  EXPECT_TRUE(limit.Take().ok());
}

TEST(CallLimitTest, CallsMayOutliveIt) {
  std::optional<CallLimit> limit(std::in_place, 1, "calls");
  const auto call = limit->Take();
  limit.reset();
  EXPECT_TRUE(call.ok());
}

}  // namespace
}  // namespace sluice
