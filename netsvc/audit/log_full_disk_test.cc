#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <string>
#include <vector>

#include "netsvc/audit/test_log.h"

// A disk that is full, by way of the largest file that the process may write.

namespace sluice::audit {
namespace {

class LogFullDiskTest : public testing::Test {
 protected:
  LogFullDiskTest() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
  }
  ~LogFullDiskTest() override { setrlimit(RLIMIT_FSIZE, &before_); }

  void AllowFileBytes(uint64_t bytes) {
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void Append(const std::string& text) {
    v1::AuditEvent event = TextEvent(text);
    log_.writer().Append(event);
  }
  std::vector<std::string> Read() const {
    LogReader reader = log_.Reader({.next_sequence = 1});
    return ReadAll(reader);
  }

  rlimit before_;
  TestLog log_;
};

TEST_F(LogFullDiskTest, FileStaysWellFormedAtEveryLimit) {
  log_.Write("a");
  const uint64_t start = std::filesystem::file_size(log_.SegmentPath(1));
  Append("b");
  Append("c");
  size_t read = 1;
  // Room comes byte by byte: each event shows once it fits whole, and only then.
  for (uint64_t limit = start; log_.writer().has_pending(); ++limit) {
    ASSERT_LT(limit, start + 1000);
    AllowFileBytes(limit);
    const bool all = log_.writer().Flush().ok();
    EXPECT_EQ(all, !log_.writer().has_pending());
    const std::vector<std::string> items = Read();
    EXPECT_GE(items.size(), read);
    read = items.size();
    EXPECT_LE(std::filesystem::file_size(log_.SegmentPath(1)), limit);
  }
  EXPECT_THAT(Read(), testing::ElementsAre("1:a", "2:b", "3:c"));
}

TEST_F(LogFullDiskTest, EventsThatWaitAreWrittenOnceThereIsRoom) {
  log_.Reopen();
  AllowFileBytes(0);
  Append("a");
  EXPECT_FALSE(log_.writer().Flush().ok());
  EXPECT_FALSE(log_.writer().Flush().ok());
  EXPECT_THAT(log_.Segments(), testing::IsEmpty());
  AllowFileBytes(RLIM_INFINITY);
  Append("b");
  EXPECT_TRUE(log_.writer().Flush().ok());
  EXPECT_THAT(Read(), testing::ElementsAre("1:a", "2:b"));
}

TEST_F(LogFullDiskTest, WhatFindsNoRoomToWaitIsToldAsLost) {
  log_.Write("a");
  AllowFileBytes(0);
  const std::string text(1 << 20, 'x');
  for (int i = 0; i < 10; ++i) Append(text);
  const uint64_t dropped = log_.writer().dropped();
  EXPECT_GE(dropped, 6u);
  EXPECT_LT(dropped, 10u);
  AllowFileBytes(RLIM_INFINITY);
  EXPECT_TRUE(log_.writer().Flush().ok());
  log_.Write("z");
  const std::vector<std::string> items = Read();
  EXPECT_EQ(items.size(), 1 + (10 - dropped) + 1 + 1);
  EXPECT_EQ(items[items.size() - 2], "lost " + std::to_string(12 - dropped) + "-11");
  EXPECT_EQ(items.back(), "12:z");
}

}  // namespace
}  // namespace sluice::audit
