#include "netsvc/audit/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::audit {
namespace {

TEST(Crc32cTest, MatchesPublishedValues) {
  // RFC 3720 appendix B.4, and the customary check value.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(Crc32cTest, TableAndInstructionAgree) {
  std::string data;
  for (int size = 0; size < 100; ++size) {
    EXPECT_EQ(Crc32c(data), Crc32cByTable(data)) << size;
    data.push_back(static_cast<char>(size * 37));
  }
}

}  // namespace
}  // namespace sluice::audit
