#include "server/access/stream_limit.h"

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(StreamLimitTest, CountsEachCallersOwn) {
  StreamLimit limit(2);
  auto first = limit.Take("a");
  const auto second = limit.Take("a");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(limit.Take("a").status()));
  EXPECT_TRUE(limit.Take("b").ok());
  const std::shared_ptr<const void> copy = *first;
  *first = nullptr;
  EXPECT_TRUE(absl::IsResourceExhausted(limit.Take("a").status())) << "a copy holds it";
}

TEST(StreamLimitTest, AStreamThatEndsMakesRoom) {
  StreamLimit limit(1);
  auto stream = limit.Take("a");
  ASSERT_TRUE(stream.ok());
  *stream = nullptr;
  EXPECT_TRUE(limit.Take("a").ok());
}

TEST(StreamLimitTest, StreamsMayOutliveIt) {
  std::optional<StreamLimit> limit(1);
  auto stream = limit->Take("a");
  limit.reset();
  ASSERT_TRUE(stream.ok());
}

}  // namespace
}  // namespace sluice
