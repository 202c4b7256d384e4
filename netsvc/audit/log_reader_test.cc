#include "netsvc/audit/log_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "netsvc/audit/segment.h"
#include "netsvc/audit/test_log.h"

namespace sluice::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LogReaderTest, EmptyLogHasNoEvents) {
  TestLog log;
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), IsEmpty());
  log.Write("a");
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a"));
}

TEST(LogReaderTest, FollowsTheWriterThroughSegments) {
  TestLog log;
  log.options().retention.segment_bytes = 150;
  LogReader reader = log.Reader();
  for (int i = 1; i <= 20; ++i) {
    log.Write("text");
    EXPECT_THAT(ReadAll(reader), ElementsAre(std::to_string(i) + ":text"));
  }
  EXPECT_GT(log.Segments().size(), 5u);
}

TEST(LogReaderTest, ReadsWhatWasWrittenBeforeASegmentWasClosed) {
  TestLog log;
  log.options().retention.segment_bytes = 200;
  log.Write("a");
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a"));
  log.Write("b");
  log.Write("c");
  log.Write("d");
  EXPECT_GT(log.Segments().size(), 1u);
  EXPECT_THAT(ReadAll(reader), ElementsAre("2:b", "3:c", "4:d"));
}

TEST(LogReaderTest, PositionSurvivesTheReader) {
  TestLog log;
  log.options().retention.segment_bytes = 200;
  LogPosition position;
  for (int i = 1; i <= 10; ++i) {
    log.Write("text");
    LogReader reader = log.Reader(position);
    EXPECT_THAT(ReadAll(reader), ElementsAre(std::to_string(i) + ":text"));
    position = reader.position();
    EXPECT_EQ(position.next_sequence, static_cast<uint64_t>(i) + 1);
  }
}

TEST(LogReaderTest, SeeksBySequence) {
  TestLog log;
  log.options().retention.segment_bytes = 200;
  for (int i = 1; i <= 9; ++i) log.Write("x");
  for (uint64_t from = 1; from <= 9; ++from) {
    LogReader reader = log.Reader({.next_sequence = from});
    const std::vector<std::string> items = ReadAll(reader);
    ASSERT_EQ(items.size(), 10 - from);
    EXPECT_EQ(items.front(), std::to_string(from) + ":x");
  }
  LogReader ahead = log.Reader({.next_sequence = 10});
  EXPECT_THAT(ReadAll(ahead), IsEmpty());
  log.Write("y");
  EXPECT_THAT(ReadAll(ahead), ElementsAre("10:y"));
}

TEST(LogReaderTest, SeeksByTime) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  const absl::Time start = log.clock().Now();
  for (int i = 0; i < 5; ++i) {
    log.Write("x");
    log.clock().Advance(absl::Minutes(1));
  }
  const UniqueFd directory = OpenLogDirectory(log.path()).value();
  for (int minute = 0; minute < 5; ++minute) {
    const absl::Time since = start + absl::Minutes(minute);
    const LogPosition position = LogReader::PositionAt(directory.get(), since).value();
    LogReader reader = log.Reader(position);
    reader.SkipBefore(since);
    EXPECT_EQ(ReadAll(reader).size(), 5u - minute) << minute;
  }
}

TEST(LogReaderTest, SeekingByTimeSurvivesAClockThatWasSetBack) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  const absl::Time start = log.clock().Now();
  log.clock().Advance(absl::Hours(2));
  log.Write("late");
  log.clock().Advance(-absl::Hours(2));
  log.Write("early");
  const UniqueFd directory = OpenLogDirectory(log.path()).value();
  const absl::Time since = start + absl::Hours(1);
  LogReader reader = log.Reader(LogReader::PositionAt(directory.get(), since).value());
  reader.SkipBefore(since);
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:late"));
}

TEST(LogReaderTest, TellsWhatRetentionRemoved) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  log.options().retention.total_bytes = 300;
  log.Write("first");
  LogReader open_reader = log.Reader();
  EXPECT_THAT(ReadAll(open_reader), ElementsAre("1:first"));
  const LogPosition position = open_reader.position();
  for (int i = 2; i <= 10; ++i) log.Write("x");
  ASSERT_GT(log.Segments().front(), 2u);
  const std::string lost = "lost 2-" + std::to_string(log.Segments().front() - 1);
  EXPECT_EQ(ReadAll(open_reader).front(), lost);
  LogReader resumed = log.Reader(position);
  EXPECT_EQ(ReadAll(resumed).front(), lost);
  LogReader by_sequence = log.Reader({.next_sequence = 2});
  const std::vector<std::string> items = ReadAll(by_sequence);
  EXPECT_EQ(items.front(), lost);
  EXPECT_EQ(items.back(), "10:x");
  LogReader oldest = log.Reader();
  EXPECT_EQ(ReadAll(oldest).front(), std::to_string(log.Segments().front()) + ":x");
}

TEST(LogReaderTest, FinishesASegmentThatRetentionRemovedUnderIt) {
  TestLog log;
  log.Write("a");
  log.Write("b");
  LogReader reader = log.Reader();
  ASSERT_TRUE(reader.Next().ok());
  log.options().retention.segment_bytes = 1;
  log.options().retention.total_bytes = 1;
  log.Reopen();
  log.Write("c");
  ASSERT_THAT(log.Segments(), ElementsAre(3));
  EXPECT_THAT(ReadAll(reader), ElementsAre("2:b", "3:c"));
}

TEST(LogReaderTest, EndIsReachedByWhoReadsIt) {
  TestLog log;
  log.options().retention.segment_bytes = 200;
  for (int i = 0; i < 5; ++i) log.Write("x");
  const UniqueFd directory = OpenLogDirectory(log.path()).value();
  const LogPosition end = LogReader::End(directory.get()).value();
  log.Write("later");
  LogReader reader = log.Reader();
  int events = 0;
  while (!reader.HasReached(end)) {
    ASSERT_TRUE(reader.Next().ok());
    ++events;
  }
  EXPECT_EQ(events, 5);
}

TEST(LogReaderTest, PausesInsteadOfReadingMuchForNothing) {
  TestLog log;
  log.Reopen();
  const std::string text(64 << 10, 'x');
  for (int i = 0; i < 100; ++i) log.Write(text);
  LogReader reader = log.Reader({.next_sequence = 100});
  const absl::StatusOr<LogItem> item = reader.Next();
  ASSERT_TRUE(item.ok());
  EXPECT_TRUE(std::holds_alternative<Pause>(*item));
  EXPECT_EQ(ReadAll(reader).size(), 1u);
}

TEST(LogReaderTest, FollowsNoLinkAndWaitsOnNoPipe) {
  TestLog log;
  log.Write("a");
  std::filesystem::rename(log.SegmentPath(1), log.path() + "/elsewhere");
  ASSERT_EQ(symlink("elsewhere", log.SegmentPath(1).c_str()), 0);
  LogReader link = log.Reader();
  EXPECT_FALSE(link.Next().ok());
  std::filesystem::remove(log.SegmentPath(1));
  ASSERT_EQ(mkfifo(log.SegmentPath(1).c_str(), 0600), 0);
  LogReader pipe = log.Reader();
  EXPECT_EQ(pipe.Next().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(LogReaderTest, RemovedLogHasNoMoreEvents) {
  TestLog log;
  log.Write("a");
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a"));
  std::filesystem::remove_all(log.path());
  EXPECT_THAT(ReadAll(reader), IsEmpty());
  EXPECT_EQ(OpenLogDirectory(log.path()).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace sluice::audit
