#include "clients/cli/text.h"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(Text, PrintableDisarmsTerminals) {
  EXPECT_EQ(Printable("web.example.com"), "web.example.com");
  EXPECT_EQ(Printable(absl::string_view("\x1b[2Ja\nb\0\xff", 9)), "\\x1b[2Ja\\x0ab\\x00\\xff");
}

TEST(Text, BytesHaveTwoOrThreeDigits) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(1000), "1.0 KB");
  EXPECT_EQ(BytesText(9949), "9.9 KB");
  EXPECT_EQ(BytesText(9950), "10 KB");
  EXPECT_EQ(BytesText(999'499), "999 KB");
  EXPECT_EQ(BytesText(999'500), "1.0 MB");
  EXPECT_EQ(BytesText(18'446'744'073'709'551'615u), "18 EB");
}

TEST(Text, DurationsGrowCoarser) {
  EXPECT_EQ(DurationText(absl::Microseconds(420)), "0.4 ms");
  EXPECT_EQ(DurationText(absl::Milliseconds(310)), "310 ms");
  EXPECT_EQ(DurationText(absl::Milliseconds(1340)), "1.3 s");
  EXPECT_EQ(DurationText(absl::Seconds(250)), "4m10s");
  EXPECT_EQ(DurationText(absl::Minutes(1563)), "26h3m");
}

TEST(Text, TimesSurviveTheRoundTrip) {
  const absl::Time time = absl::FromUnixNanos(1'700'000'000'123'456'789);
  EXPECT_EQ(FromProto(ToProto(time)), time);
  EXPECT_EQ(ToProto(absl::FromUnixMillis(-1)).seconds(), -1);
  EXPECT_EQ(ToProto(absl::FromUnixMillis(-1)).nanos(), 999'000'000);
}

}  // namespace
}  // namespace sluice::cli
