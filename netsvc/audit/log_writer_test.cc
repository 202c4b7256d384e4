#include "netsvc/audit/log_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/little_endian.h"
#include "netsvc/audit/segment.h"
#include "netsvc/audit/test_log.h"

namespace sluice::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LogWriterTest, CompletesTheEvent) {
  TestLog log;
  log.Reopen();
  v1::AuditEvent event = TextEvent("hello");
  EXPECT_EQ(log.writer().last_sequence(), 0u);
  EXPECT_EQ(log.writer().Append(event), 1u);
  EXPECT_EQ(log.writer().last_sequence(), 1u);
  EXPECT_EQ(event.sandbox_id(), "box");
  EXPECT_EQ(event.sandbox_uid(), "uid-box");
  EXPECT_EQ(event.sequence(), 1u);
  EXPECT_EQ(event.time().seconds(), absl::ToUnixSeconds(log.clock().Now()));
}

TEST(LogWriterTest, ShowsNothingBeforeFlush) {
  TestLog log;
  log.Reopen();
  v1::AuditEvent event = TextEvent("a");
  log.writer().Append(event);
  EXPECT_TRUE(log.writer().has_pending());
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), IsEmpty());
  ASSERT_TRUE(log.writer().Flush().ok());
  EXPECT_FALSE(log.writer().has_pending());
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a"));
}

TEST(LogWriterTest, NumbersGoOnAfterReopening) {
  TestLog log;
  log.Write("a");
  log.Write("b");
  EXPECT_EQ(log.Reopen().last_sequence(), 2u);
  EXPECT_EQ(log.Write("c"), 3u);
  EXPECT_THAT(log.Segments(), ElementsAre(1));
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "2:b", "3:c"));
}

TEST(LogWriterTest, NumbersOfEventsNeverWrittenAreUsedAgain) {
  TestLog log;
  log.Write("a");
  v1::AuditEvent event = TextEvent("unwritten");
  EXPECT_EQ(log.writer().Append(event), 2u);
  log.Reopen();
  EXPECT_EQ(log.Write("b"), 2u);
}

TEST(LogWriterTest, BeginsASegmentWhenOneIsFull) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  log.Write("a");
  log.Write("b");
  log.Write("c");
  EXPECT_THAT(log.Segments(), ElementsAre(1, 2, 3));
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "2:b", "3:c"));
}

TEST(LogWriterTest, NumbersGoOnAfterAnEmptySegment) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  log.Write("a");
  log.Write("b");
  // The writer died right after it had begun the segment, and before that too.
  std::filesystem::resize_file(log.SegmentPath(2), SegmentHeader::kSize);
  EXPECT_EQ(log.Reopen().last_sequence(), 1u);
  std::filesystem::remove(log.SegmentPath(1));
  EXPECT_EQ(log.Reopen().last_sequence(), 1u);
  EXPECT_EQ(log.Write("c"), 2u);
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("2:c"));
}

TEST(LogWriterTest, NumbersGoOnAfterASegmentWithoutItsHeader) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  log.Write("a");
  log.Write("b");
  for (size_t size = 0; size < SegmentHeader::kSize; ++size) {
    std::filesystem::resize_file(log.SegmentPath(2), size);
    EXPECT_EQ(log.Reopen().last_sequence(), 1u) << size;
    EXPECT_EQ(log.Write("b"), 2u) << size;
  }
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "2:b"));
}

TEST(LogWriterTest, KeepsNoMoreThanTotalBytes) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  log.options().retention.total_bytes = 400;
  for (int i = 0; i < 20; ++i) log.Write("text");
  const std::vector<uint64_t> segments = log.Segments();
  EXPECT_LT(segments.size(), 6u);
  EXPECT_EQ(segments.back(), 20u);
  uint64_t bytes = 0;
  for (const uint64_t segment : segments) bytes += std::filesystem::file_size(log.SegmentPath(segment));
  EXPECT_LE(bytes, 400 + std::filesystem::file_size(log.SegmentPath(20)));
}

TEST(LogWriterTest, TotalBytesCountAfterReopening) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  for (int i = 0; i < 10; ++i) log.Write("text");
  log.options().retention.total_bytes = 1;
  log.Reopen();
  log.Write("text");
  EXPECT_THAT(log.Segments(), ElementsAre(11));
}

TEST(LogWriterTest, KeepsNothingPastMaxAge) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  log.options().retention.max_age = absl::Hours(1);
  log.Write("old");
  log.clock().Advance(absl::Minutes(50));
  log.Write("young");
  log.clock().Advance(absl::Minutes(20));
  log.Reopen();
  log.Write("new");
  EXPECT_THAT(log.Segments(), ElementsAre(2, 3));
  log.clock().Advance(absl::Minutes(50));
  log.Write("newer");
  EXPECT_THAT(log.Segments(), ElementsAre(3, 4));
}

// Of all segments.
uint64_t BytesOf(const TestLog& log) {
  uint64_t bytes = 0;
  for (const uint64_t segment : log.Segments()) bytes += std::filesystem::file_size(log.SegmentPath(segment));
  return bytes;
}

TEST(LogWriterTest, KeepsLessFromNowOn) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  for (int i = 0; i < 20; ++i) log.Write("text");
  const uint64_t before = BytesOf(log);
  log.writer().SetRetention({.segment_bytes = 1, .total_bytes = before / 2});
  EXPECT_LE(BytesOf(log), before / 2);
  EXPECT_GT(BytesOf(log), before / 4);
  EXPECT_EQ(log.Segments().back(), 20u);
  const uint64_t oldest = log.Segments().front();
  LogReader reader = log.Reader({.next_sequence = 1});
  EXPECT_EQ(ReadAll(reader).front(), "lost 1-" + std::to_string(oldest - 1));
  for (int i = 0; i < 20; ++i) log.Write("text");
  EXPECT_LE(BytesOf(log), before / 2 + before / 20);
}

TEST(LogWriterTest, ASegmentThatAloneIsTooMuchGoes) {
  TestLog log;
  for (int i = 0; i < 20; ++i) log.Write("text");
  EXPECT_THAT(log.Segments(), ElementsAre(1));
  log.writer().SetRetention({.segment_bytes = 100, .total_bytes = 500});
  EXPECT_THAT(log.Segments(), ElementsAre(21));
  log.Write("new");
  LogReader reader = log.Reader({.next_sequence = 1});
  EXPECT_THAT(ReadAll(reader), ElementsAre("lost 1-20", "21:new"));
}

TEST(LogWriterTest, WhatWaitsKeepsItsNumberWhenLessIsKept) {
  TestLog log;
  for (int i = 0; i < 20; ++i) log.Write("text");
  v1::AuditEvent event = TextEvent("waits");
  EXPECT_EQ(log.writer().Append(event), 21u);
  log.writer().SetRetention({.segment_bytes = 100, .total_bytes = 500});
  EXPECT_THAT(log.Segments(), ElementsAre(1)) << "nothing can be begun ahead of it";
  ASSERT_TRUE(log.writer().Flush().ok());
  LogReader reader = log.Reader({.next_sequence = 1});
  EXPECT_THAT(ReadAll(reader), ElementsAre("lost 1-20", "21:waits"));
}

TEST(LogWriterTest, KeepsForLessTimeFromNowOn) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  log.Write("old");
  log.clock().Advance(absl::Hours(1));
  log.Write("young");
  log.writer().SetRetention({.segment_bytes = 1, .max_age = absl::Hours(1)});
  EXPECT_THAT(log.Segments(), ElementsAre(1, 2)) << "not yet older";
  log.writer().SetRetention({.segment_bytes = 1, .max_age = absl::Minutes(59)});
  EXPECT_THAT(log.Segments(), ElementsAre(2));
  log.writer().SetRetention({});
  log.clock().Advance(absl::Hours(1000));
  log.Write("new");
  LogReader reader = log.Reader({.next_sequence = 1});
  EXPECT_THAT(ReadAll(reader), ElementsAre("lost 1-1", "2:young", "3:new"));
}

TEST(LogWriterTest, FlushesByItselfWhenMuchWaits) {
  TestLog log;
  log.Reopen();
  const std::string text(64 << 10, 'x');
  for (int i = 0; i < 100; ++i) {
    v1::AuditEvent event = TextEvent(text);
    log.writer().Append(event);
  }
  EXPECT_GT(std::filesystem::file_size(log.SegmentPath(1)), 1u << 20);
  EXPECT_EQ(log.writer().dropped(), 0u);
}

TEST(LogWriterTest, EventTooLargeForARecordIsLost) {
  TestLog log;
  log.Write("a");
  v1::AuditEvent event = TextEvent(std::string(17 << 20, 'x'));
  EXPECT_EQ(log.writer().Append(event), 2u);
  EXPECT_EQ(log.writer().dropped(), 1u);
  log.Write("c");
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "lost 2-2", "3:c"));
}

TEST(LogWriterTest, LeavesForeignFilesAlone) {
  TestLog log;
  const std::string foreign = log.path() + "/notes.log";
  ASSERT_EQ(mkdir(foreign.c_str(), 0700), 0);
  log.options().retention.segment_bytes = 1;
  log.options().retention.total_bytes = 1;
  for (int i = 0; i < 3; ++i) log.Write("text");
  EXPECT_TRUE(std::filesystem::exists(foreign));
}

TEST(LogWriterTest, RefusesALogOfALaterVersion) {
  TestLog log;
  log.Write("a");
  std::array<char, SegmentHeader::kSize> header = SegmentHeader{1, absl::UnixEpoch()}.Encode();
  StoreLittleEndian(SegmentHeader::kVersion + 1, header.data() + 12);
  StoreLittleEndian(Crc32c({header.data() + 12, header.size() - 12}), header.data() + 8);
  std::fstream(log.SegmentPath(1)).write(header.data(), header.size());
  const absl::Status status =
      LogWriter::Open(OpenLogDirectory(log.path()).value(), log.options(), log.clock()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  LogReader reader = log.Reader();
  EXPECT_EQ(reader.Next().status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace sluice::audit
