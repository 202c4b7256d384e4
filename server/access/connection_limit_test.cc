#include "server/access/connection_limit.h"

#include <sys/socket.h>

#include "gtest/gtest.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

constexpr uid_t kOne = 1000;
constexpr uid_t kOther = 1001;

UniqueFd Connection() { return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

TEST(ConnectionLimitTest, CountsEachUsersOwn) {
  ConnectionLimit limit(2);
  const UniqueFd a = Connection(), b = Connection(), c = Connection();
  EXPECT_TRUE(limit.Take(kOne, a.get()));
  EXPECT_TRUE(limit.Take(kOne, b.get()));
  EXPECT_FALSE(limit.Take(kOne, c.get()));
  EXPECT_TRUE(limit.Take(kOther, c.get()));
}

TEST(ConnectionLimitTest, AConnectionThatIsClosedMakesRoom) {
  ConnectionLimit limit(1);
  UniqueFd first = Connection();
  const UniqueFd second = Connection();
  ASSERT_TRUE(limit.Take(kOne, first.get()));
  ASSERT_FALSE(limit.Take(kOne, second.get()));
  first.reset();
  EXPECT_TRUE(limit.Take(kOne, second.get()));
}

TEST(ConnectionLimitTest, AnotherSocketUnderTheSameNumberIsNotTheFirst) {
  ConnectionLimit limit(1);
  UniqueFd first = Connection();
  const int number = first.get();
  ASSERT_TRUE(limit.Take(kOne, number));
  first.reset();
  const UniqueFd next = Connection();
  ASSERT_EQ(next.get(), number) << "the lowest that is free";
  EXPECT_TRUE(limit.Take(kOne, number));
  EXPECT_FALSE(limit.Take(kOne, number)) << "that one is open";
}

}  // namespace
}  // namespace sluice
