#include "server/access/strangers.h"

#include <poll.h>
#include <sys/socket.h>

#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace sluice {
namespace {

constexpr absl::Duration kNow = absl::Hours(1);

// A connection, and its far end.
struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    near.reset(fds[0]);
    far.reset(fds[1]);
  }
  bool ended() const {
    pollfd waiting = {far.get(), POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
  }
  UniqueFd near;
  UniqueFd far;
};

TEST(StrangersTest, AreThereForAMoment) {
  Strangers strangers;
  Pair first, second;
  EXPECT_EQ(strangers.EndOld(kNow), absl::InfiniteDuration());
  ASSERT_TRUE(strangers.Take(first.near.get(), kNow));
  ASSERT_TRUE(strangers.Take(second.near.get(), kNow + absl::Seconds(1)));
  EXPECT_EQ(strangers.EndOld(kNow + absl::Seconds(1)), kNow + Strangers::kTime);
  EXPECT_FALSE(first.ended());
  EXPECT_EQ(strangers.EndOld(kNow + Strangers::kTime), kNow + Strangers::kTime + absl::Seconds(1));
  EXPECT_TRUE(first.ended()) << "though its own descriptor is open";
  EXPECT_FALSE(second.ended());
}

TEST(StrangersTest, AreFewAtOnce) {
  Strangers strangers;
  std::vector<Pair> pairs(Strangers::kMax + 1);
  for (size_t i = 0; i < Strangers::kMax; ++i) ASSERT_TRUE(strangers.Take(pairs[i].near.get(), kNow));
  EXPECT_FALSE(strangers.Take(pairs.back().near.get(), kNow));
  EXPECT_FALSE(pairs.front().ended()) << "nobody makes room for another";
  pairs[3].far.reset();
  EXPECT_TRUE(strangers.Take(pairs.back().near.get(), kNow)) << "in place of one that has gone";
  Pair next;
  EXPECT_FALSE(strangers.Take(next.near.get(), kNow));
  EXPECT_TRUE(strangers.Take(next.near.get(), kNow + Strangers::kTime));
}

}  // namespace
}  // namespace sluice
