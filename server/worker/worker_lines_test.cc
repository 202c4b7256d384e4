#include "server/worker/worker_lines.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr absl::Duration kNow = absl::Hours(1);

// More than is told of in a minute, by `more`.
std::string Flood(size_t more) {
  std::string flood;
  for (size_t i = 0; i < WorkerLines::kMaxLinesAMinute + more; ++i) absl::StrAppend(&flood, i, "\n");
  return flood;
}

TEST(WorkerLinesTest, TellsALineOnceItIsWhole) {
  WorkerLines lines;
  EXPECT_THAT(lines.Take("warning: the sand", kNow), IsEmpty());
  EXPECT_THAT(lines.Take("box waited\n\nerror: \"eth0\" is gone\nno", kNow),
              ElementsAre("warning: the sandbox waited", "error: \"eth0\" is gone"));
  EXPECT_THAT(lines.End(kNow), ElementsAre("no"));
  EXPECT_THAT(lines.End(kNow), IsEmpty());
}

TEST(WorkerLinesTest, TellsInPrintableCharacters) {
  WorkerLines lines;
  const absl::string_view bytes("\x1b[2Jcaf\xc3\xa9\0\r\\x41\x7f\n", 17);
  EXPECT_THAT(lines.Take(bytes, kNow), ElementsAre("\\x1b[2Jcaf\\xc3\\xa9\\x00\\x0d\\x5cx41\\x7f"));
}

TEST(WorkerLinesTest, CutsALongLine) {
  WorkerLines lines;
  const std::string longest(WorkerLines::kMaxLine, 'a');
  EXPECT_THAT(lines.Take(absl::StrCat(longest, "\n", longest, "b\n"), kNow),
              ElementsAre(longest, absl::StrCat(longest, "...")));
  for (int i = 0; i < 1000; ++i) EXPECT_THAT(lines.Take(longest, kNow), IsEmpty());
  EXPECT_THAT(lines.Take("\nshort\n", kNow), ElementsAre(absl::StrCat(longest, "..."), "short"));
}

TEST(WorkerLinesTest, DropsWhatIsPastItsMinute) {
  WorkerLines lines;
  EXPECT_EQ(lines.Take(Flood(20), kNow).size(), WorkerLines::kMaxLinesAMinute);
  EXPECT_THAT(lines.Take("more\n", kNow + absl::Seconds(59)), IsEmpty());
  EXPECT_THAT(lines.Take("next\nand another\n", kNow + absl::Minutes(1)),
              ElementsAre("lines dropped, past 100 in a minute: 21", "next", "and another"));
  EXPECT_THAT(lines.End(kNow + absl::Minutes(1)), IsEmpty());
}

TEST(WorkerLinesTest, TellsAtTheEndHowManyWereDropped) {
  WorkerLines lines;
  EXPECT_EQ(lines.Take(Flood(0), kNow).size(), WorkerLines::kMaxLinesAMinute);
  EXPECT_THAT(lines.Take("begun", kNow), IsEmpty());
  EXPECT_THAT(lines.End(kNow), ElementsAre("lines dropped, past 100 in a minute: 1"));
}

}  // namespace
}  // namespace sluice
