#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/log_recovery.h"
#include "netsvc/audit/record.h"
#include "netsvc/audit/segment.h"
#include "netsvc/audit/test_log.h"
#include "netsvc/base/io.h"

// What readers and the next writer make of a log that is torn or damaged.

namespace sluice::audit {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;

constexpr size_t kLimit = 1 << 20;

// A log of "a", "b", "c", and where the record of each begins.
struct ThreeEvents {
  TestLog log;
  std::vector<size_t> begins;
  std::string bytes;

  ThreeEvents() {
    begins.push_back(SegmentHeader::kSize);
    for (const char* text : {"a", "b", "c"}) {
      log.Write(text);
      begins.push_back(std::filesystem::file_size(log.SegmentPath(1)));
    }
    bytes = ReadFile(log.SegmentPath(1), kLimit).value();
  }
  // Makes the log what `content` says, with no writer.
  void Become(const std::string& content) {
    for (const uint64_t segment : log.Segments()) std::filesystem::remove(log.SegmentPath(segment));
    ASSERT_TRUE(WriteFile(log.SegmentPath(1), content).ok());
  }
  std::vector<std::string> Read() const {
    LogReader reader = log.Reader({.next_sequence = 1});
    return ReadAll(reader);
  }
};

std::string WithFlip(std::string bytes, size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  return bytes;
}

TEST(LogDamageTest, TornLastRecordIsCutAndItsNumberUsed) {
  ThreeEvents three;
  for (size_t size = three.begins[2]; size < three.bytes.size(); ++size) {
    three.Become(three.bytes.substr(0, size));
    EXPECT_THAT(three.Read(), ElementsAre("1:a", "2:b")) << size;
    EXPECT_EQ(three.log.Reopen().last_sequence(), 2u) << size;
    EXPECT_EQ(std::filesystem::file_size(three.log.SegmentPath(1)), three.begins[2]) << size;
    EXPECT_EQ(three.log.Write("d"), 3u) << size;
    EXPECT_THAT(three.Read(), ElementsAre("1:a", "2:b", "3:d")) << size;
  }
}

TEST(LogDamageTest, ReaderThatSawATornRecordReadsWhatReplacedIt) {
  ThreeEvents three;
  for (size_t size = three.begins[2]; size < three.bytes.size(); ++size) {
    three.Become(three.bytes.substr(0, size));
    LogReader reader = three.log.Reader({.next_sequence = 1});
    EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "2:b")) << size;
    three.log.Reopen();
    three.log.Write("other");
    EXPECT_THAT(ReadAll(reader), ElementsAre("3:other")) << size;
  }
}

// A follower may have been given the last event before it was damaged: its
// number is told as lost, and no other event ever bears it.
TEST(LogDamageTest, DamagedLastRecordIsLostAndItsNumberNotUsed) {
  ThreeEvents three;
  for (size_t at = three.begins[2]; at < three.bytes.size(); ++at) {
    three.Become(WithFlip(three.bytes, at));
    EXPECT_THAT(three.Read(), AnyOf(ElementsAre("1:a", "2:b"), ElementsAre("1:a", "2:b", "lost 3-3"))) << at;
    EXPECT_GE(three.log.Reopen().last_sequence(), 3u) << at;
    const uint64_t next = three.log.Write("d");
    EXPECT_LE(next, 5u) << at;
    const std::vector<std::string> items = three.Read();
    ASSERT_EQ(items.size(), 4u) << at;
    EXPECT_EQ(items[2], "lost 3-" + std::to_string(next - 1)) << at;
    EXPECT_EQ(items[3], std::to_string(next) + ":d") << at;
  }
}

TEST(LogDamageTest, DamageInTheMiddleCostsThatEventAlone) {
  ThreeEvents three;
  for (size_t at = three.begins[1]; at < three.begins[2]; ++at) {
    three.Become(WithFlip(three.bytes, at));
    EXPECT_THAT(three.Read(), ElementsAre("1:a", "lost 2-2", "3:c")) << at;
    EXPECT_EQ(three.log.Reopen().last_sequence(), 3u) << at;
    EXPECT_EQ(three.log.Write("d"), 4u) << at;
    EXPECT_THAT(three.Read(), ElementsAre("1:a", "lost 2-2", "3:c", "4:d")) << at;
  }
}

TEST(LogDamageTest, DamagedSegmentHeaderCostsNoEvent) {
  ThreeEvents three;
  for (size_t at = 0; at < SegmentHeader::kSize; ++at) {
    three.Become(WithFlip(three.bytes, at));
    EXPECT_THAT(three.Read(), ElementsAre("1:a", "2:b", "3:c")) << at;
    EXPECT_EQ(three.log.Reopen().last_sequence(), 3u) << at;
    EXPECT_EQ(three.log.Write("d"), 4u) << at;
    EXPECT_THAT(three.Read(), ElementsAre("1:a", "2:b", "3:c", "4:d")) << at;
  }
}

TEST(LogDamageTest, LostSegmentIsTold) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  for (const char* text : {"a", "b", "c"}) log.Write(text);
  std::filesystem::remove(log.SegmentPath(2));
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "lost 2-2", "3:c"));
}

// A file system may lose a file's bytes, and not those of a later one.
TEST(LogDamageTest, SegmentThatLostItsBytesHidesNoOther) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  for (const char* text : {"a", "b", "c"}) log.Write(text);
  for (const size_t left : {size_t{0}, SegmentHeader::kSize - 1}) {
    std::filesystem::resize_file(log.SegmentPath(2), left);
    LogReader reader = log.Reader();
    EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "lost 2-2", "3:c")) << left;
  }
  std::filesystem::resize_file(log.SegmentPath(3), 0);  // being made, for all that is known
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a"));
}

TEST(LogDamageTest, ReaderInASegmentThatLostItsBytesReadsWhatIsWrittenNext) {
  TestLog log;
  log.options().retention.segment_bytes = 1;
  for (const char* text : {"a", "b", "c"}) log.Write(text);
  for (const uint64_t segment : {2, 3}) std::filesystem::resize_file(log.SegmentPath(segment), 0);
  LogReader reader = log.Reader();
  EXPECT_THAT(ReadAll(reader), ElementsAre("1:a"));
  log.options().retention.segment_bytes = 1 << 20;
  log.Reopen();
  EXPECT_EQ(log.Write("d"), 3u);
  EXPECT_THAT(ReadAll(reader), ElementsAre("lost 2-2", "3:d"));
}

TEST(LogDamageTest, ReaderThatPassedGarbageReadsWhatIsWrittenAfterIt) {
  ThreeEvents three;
  for (const size_t garbage : {28ul, 35ul, 42ul, 100ul}) {
    three.Become(three.bytes + std::string(garbage, '\0'));
    LogReader reader = three.log.Reader({.next_sequence = 1});
    EXPECT_THAT(ReadAll(reader), ElementsAre("1:a", "2:b", "3:c")) << garbage;
    three.log.Reopen();
    const uint64_t next = three.log.Write("d");
    EXPECT_THAT(ReadAll(reader), ElementsAre("lost 4-" + std::to_string(next - 1), std::to_string(next) + ":d")) << garbage;
  }
}

TEST(LogDamageTest, LogWhoseNumbersAreUsedUpIsReadButNotContinued) {
  const std::string payload = TextEvent("last").SerializeAsString();
  for (const uint64_t last : {kMaxNextSequence - 1, kMaxNextSequence, RecordHeader::kMaxSequence}) {
    ThreeEvents three;
    RecordHeader header;
    header.payload_crc = Crc32c(payload);
    header.payload_size = static_cast<uint32_t>(payload.size());
    header.sequence = last;
    std::string record(RecordHeader::kSize, '\0');
    header.Encode(record.data());
    three.Become(three.bytes + record + payload);
    EXPECT_EQ(three.Read().back(), std::to_string(last) + ":last");
    FakeClock clock;
    const auto writer = LogWriter::Open(OpenLogDirectory(three.log.path()).value(), three.log.options(), clock);
    if (last < kMaxNextSequence) {
      EXPECT_TRUE(writer.ok()) << writer.status();
    } else {
      EXPECT_TRUE(absl::IsDataLoss(writer.status())) << writer.status();
    }
  }
}

TEST(LogDamageTest, GarbageAtTheEndOfAClosedSegmentIsPassedOver) {
  ThreeEvents three;
  for (const size_t garbage : {1ul, 27ul, 28ul, 5000ul, 3ul << 20}) {
    three.Become(three.bytes + std::string(garbage, '\0'));
    three.log.Reopen();
    const uint64_t next = three.log.Write("d");
    EXPECT_GE(next, 4u);
    const std::vector<std::string> items = three.Read();
    EXPECT_EQ(items[2], "3:c") << garbage;
    EXPECT_EQ(items.back(), std::to_string(next) + ":d") << garbage;
    EXPECT_LE(items.size(), 5u) << garbage;
  }
}

}  // namespace
}  // namespace sluice::audit
