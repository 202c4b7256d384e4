#include "netsvc/worker/worker.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/loop/fake_loop.h"

namespace sluice {
namespace {

using internal::v1::Request;
using internal::v1::Response;

constexpr uint32_t kOldest = Worker::kOldestVersion;
constexpr uint32_t kLatest = Worker::kProtocolVersion;

class WorkerTest : public testing::Test {
 protected:
  Response Greet(uint32_t oldest, uint32_t latest) {
    Request request;
    request.mutable_hello()->set_oldest_version(oldest);
    request.mutable_hello()->set_version(latest);
    return worker_.Handle(request, {}).response;
  }
  static int Code(absl::StatusCode code) { return static_cast<int>(code); }

  FakeLoop loop_;
  Worker worker_{loop_, [] {}};
};

TEST_F(WorkerTest, SpeaksTheLatestVersionThatBothDo) {
  EXPECT_EQ(Greet(kOldest, kLatest).hello().version(), kLatest);
  EXPECT_EQ(Greet(kOldest, kLatest + 5).hello().version(), kLatest) << "a newer server speaks the older, too";
  EXPECT_EQ(Greet(0, kLatest).hello().version(), kLatest) << "that and no other";
}

TEST_F(WorkerTest, RefusesAServerWithWhichItHasNoVersion) {
  const struct {
    uint32_t oldest;
    uint32_t latest;
  } kOthers[] = {{kLatest + 1, kLatest + 5}, {0, kLatest + 1}, {0, kOldest - 1}};
  for (const auto& [oldest, latest] : kOthers) {
    const Response refused = Greet(oldest, latest);
    EXPECT_EQ(refused.code(), Code(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(refused.message().rfind("the worker speaks versions", 0), 0u) << refused.message();
    EXPECT_FALSE(refused.has_hello());
  }
}

TEST_F(WorkerTest, RefusesARequestOfALaterVersion) {
  Request request;
  // A field that this version does not have, number 1023, with an empty message.
  ASSERT_TRUE(request.ParseFromString(std::string("\xfa\x3f\0", 3)));
  EXPECT_EQ(worker_.Handle(request, {}).response.code(), Code(absl::StatusCode::kUnimplemented));
  request.mutable_get_stats();
  EXPECT_EQ(worker_.Handle(request, {}).response.code(), Code(absl::StatusCode::kFailedPrecondition))
      << "this one it knows, but it has no sandbox yet";
}

}  // namespace
}  // namespace sluice
