#include "netsvc/base/quote.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(QuoteTest, EscapesWhatIsNotPrintable) {
  EXPECT_EQ(Quote(""), "\"\"");
  EXPECT_EQ(Quote("10.0.0.0/8"), "\"10.0.0.0/8\"");
  EXPECT_EQ(Quote("a\n\"b\""), "\"a\\n\\\"b\\\"\"");
  EXPECT_EQ(Quote("\xc3\xbc"), "\"\\xc3\\xbc\"");
}

TEST(QuoteTest, ShowsTheBeginningOfALongText) {
  EXPECT_EQ(Quote(std::string(100, 'a')), "\"" + std::string(100, 'a') + "\"");
  EXPECT_EQ(Quote(std::string(1 << 20, 'a')), "\"" + std::string(100, 'a') + "...\"");
}

}  // namespace
}  // namespace sluice
