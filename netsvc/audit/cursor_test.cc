#include "netsvc/audit/cursor.h"

#include <gtest/gtest.h>

#include <string>

#include "netsvc/audit/record.h"

namespace sluice::audit {
namespace {

TEST(CursorTest, TextBringsEveryLogBack) {
  Cursor cursor;
  cursor.Set("uid-a", 1);
  cursor.Set("uid-b", 300'000'000'000);
  cursor.Set("uid-a", 42);
  const absl::StatusOr<Cursor> back = Cursor::FromText(cursor.ToText());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->Get("uid-a"), 42u);
  EXPECT_EQ(back->Get("uid-b"), 300'000'000'000u);
  EXPECT_EQ(back->Get("uid-c"), std::nullopt);
}

TEST(CursorTest, EmptyCursorHasAText) {
  const std::string text = Cursor().ToText();
  EXPECT_NE(text, "");
  EXPECT_TRUE(Cursor::FromText(text).ok());
}

TEST(CursorTest, TextIsPrintableAndSmall) {
  Cursor cursor;
  for (int i = 0; i < 1000; ++i) cursor.Set("sandbox-" + std::to_string(i), 1'000'000 + i);
  const std::string text = cursor.ToText();
  EXPECT_LT(text.size(), 17'000u);
  for (const char c : text) EXPECT_TRUE(isalnum(c) || c == '-' || c == '_' || c == '.') << c;
  EXPECT_EQ(Cursor::FromText(text)->Get("sandbox-999"), 1'000'999u);
}

TEST(CursorTest, RefusesWhatIsNoCursor) {
  Cursor cursor;
  cursor.Set("uid-a", 7);
  const std::string text = cursor.ToText();
  EXPECT_FALSE(Cursor::FromText("").ok());
  EXPECT_FALSE(Cursor::FromText("hello").ok());
  EXPECT_FALSE(Cursor::FromText("1.").ok());
  EXPECT_FALSE(Cursor::FromText("9." + text.substr(2)).ok());
  EXPECT_FALSE(Cursor::FromText(std::string(Cursor::kMaxTextSize + 1, 'A')).ok());
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(Cursor::FromText(text.substr(0, size)).ok()) << size;
}

TEST(CursorTest, RefusesSequencesThatNoEventHas) {
  Cursor zero;
  zero.Set("uid-a", 0);
  EXPECT_FALSE(Cursor::FromText(zero.ToText()).ok());
  Cursor huge;
  huge.Set("uid-a", RecordHeader::kMaxSequence + 2);
  EXPECT_FALSE(Cursor::FromText(huge.ToText()).ok());
}

// What one log says never keeps a reader from going on with the others.
TEST(CursorTest, TakesThePlaceAfterTheLastSequence) {
  Cursor after;
  after.Set("uid-a", RecordHeader::kMaxSequence + 1);
  EXPECT_TRUE(Cursor::FromText(after.ToText()).ok());
}

}  // namespace
}  // namespace sluice::audit
