#include "netsvc/base/allocation_count.h"

#include <vector>

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(AllocationCountTest, Counts) {
  const int before = AllocationCount();
  const std::vector<int> something(3);
  EXPECT_GT(AllocationCount(), before);
}

}  // namespace
}  // namespace sluice
