#include "server/guest/file_call_limit.h"

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(FileCallLimitTest, RefusesOneTooManyUntilOneEnds) {
  FileCallLimit limit(2);
  auto first = limit.Take();
  const auto second = limit.Take();
  ASSERT_TRUE(first.ok() && second.ok());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(absl::IsResourceExhausted(limit.Take().status()));
  const std::shared_ptr<const void> copy = *first;
  *first = nullptr;
  EXPECT_TRUE(absl::IsResourceExhausted(limit.Take().status())) << "a copy holds it";
}

TEST(FileCallLimitTest, ACallThatEndsMakesRoom) {
  FileCallLimit limit(1);
  { ASSERT_TRUE(limit.Take().ok()); }
  EXPECT_TRUE(limit.Take().ok());
}

TEST(FileCallLimitTest, CallsMayOutliveIt) {
  std::optional<FileCallLimit> limit(1);
  const auto call = limit->Take();
  limit.reset();
  EXPECT_TRUE(call.ok());
}

}  // namespace
}  // namespace sluice
