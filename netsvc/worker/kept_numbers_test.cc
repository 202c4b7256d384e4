#include "netsvc/worker/kept_numbers.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

class KeptNumbersTest : public testing::Test {
 protected:
  const std::string path_ = absl::StrCat(testing::TempDir(), "/numbers-", getpid());
};

TEST_F(KeptNumbersTest, OutliveAProcessThatIsKilled) {
  const pid_t child = fork();
  if (child == 0) {
    const auto numbers = KeptNumbers::Open(path_);
    if (numbers.ok()) (*numbers)->values() = {.spent = {.bytes = 7, .total = 8}, .last_flow_id = 9};
    raise(SIGKILL);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const auto numbers = KeptNumbers::Open(path_);
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_EQ((*numbers)->values().spent.bytes, 7u);
  EXPECT_EQ((*numbers)->values().spent.total, 8u);
  EXPECT_EQ((*numbers)->values().last_flow_id, 9u);
}

TEST_F(KeptNumbersTest, AreNoneWhereTheFileIsAnother) {
  std::ofstream(path_) << "x";
  const auto numbers = KeptNumbers::Open(path_);
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_EQ((*numbers)->values().spent.bytes, 0u);
  EXPECT_FALSE(KeptNumbers::Open(path_ + "/nowhere").ok());
}

}  // namespace
}  // namespace sluice
