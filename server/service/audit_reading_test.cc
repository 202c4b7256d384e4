#include "server/service/audit_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/audit/test_log.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Request = v1::StreamAuditEventsRequest;

// A sandbox's log, with the info that the server has about it.
struct Box {
  explicit Box(const std::string& id) {
    info.sandbox_id = id;
    info.sandbox_uid = "uid-" + id;
    info.live = true;
    info.directory = log.path();
    log.options().sandbox_id = id;
    log.options().sandbox_uid = info.sandbox_uid;
  }

  audit::TestLog log;
  AuditLogInfo info;
};

AuditReading Start(const Request& request, const std::vector<AuditLogInfo>& logs) {
  absl::StatusOr<AuditReading> reading = AuditReading::Start(request, logs);
  EXPECT_TRUE(reading.ok()) << reading.status();
  return *std::move(reading);
}

std::string ToText(const v1::StreamAuditEventsResponse& response) {
  if (response.has_lost()) {
    return absl::StrCat(response.lost().sandbox_id(), " lost ", response.lost().first_sequence(), "-",
                        response.lost().last_sequence());
  }
  return absl::StrCat(response.event().sandbox_id(), ":", response.event().sequence());
}

// What the reading gives until nothing more is there. `cursor`: of the last.
std::vector<std::string> Drain(AuditReading& reading, std::string* cursor = nullptr) {
  std::vector<std::string> items;
  while (true) {
    const absl::StatusOr<AuditReading::Batch> batch = reading.Next();
    if (!batch.ok()) {
      items.push_back(std::string(batch.status().message()));
      return items;
    }
    for (const v1::StreamAuditEventsResponse& response : batch->responses) {
      items.push_back(ToText(response));
      if (cursor != nullptr) *cursor = response.cursor();
    }
    if (!batch->more) return items;
  }
}

Request Follow() {
  Request request;
  request.set_follow(true);
  return request;
}

TEST(AuditReadingTest, GivesHistoryAndThenWhatCameWithoutASeam) {
  Box box("a");
  box.log.Reopen();
  box.log.Write("1");
  box.log.Write("2");
  AuditReading reading = Start(Follow(), {box.info});
  EXPECT_THAT(Drain(reading), ElementsAre("a:1", "a:2"));
  EXPECT_FALSE(reading.IsComplete(absl::Now()));
  box.log.Write("3");
  EXPECT_THAT(Drain(reading), IsEmpty());  // it looks at no log that nothing was said of
  reading.Appended("uid-a");
  EXPECT_THAT(Drain(reading), ElementsAre("a:3"));
}

TEST(AuditReadingTest, ResumesAfterTheCursorOfAnyResponse) {
  Box box("a");
  box.log.Reopen();
  for (int i = 0; i < 200; ++i) box.log.Write("x");
  AuditReading reading = Start(Follow(), {box.info});
  uint64_t seen = 0;
  while (true) {
    const absl::StatusOr<AuditReading::Batch> batch = reading.Next();
    ASSERT_TRUE(batch.ok());
    for (const v1::StreamAuditEventsResponse& response : batch->responses) {
      ASSERT_EQ(response.event().sequence(), ++seen);
      Request again;
      again.set_cursor(response.cursor());
      AuditReading resumed = Start(again, {box.info});
      const std::vector<std::string> rest = Drain(resumed);
      ASSERT_EQ(rest.size(), 200 - seen);
      if (!rest.empty()) {
        ASSERT_EQ(rest.front(), absl::StrCat("a:", seen + 1));
      }
    }
    if (!batch->more) break;
  }
  EXPECT_EQ(seen, 200u);
}

TEST(AuditReadingTest, WithoutFollowItEndsWhereTheLogEndedAsItBegan) {
  Box box("a");
  box.log.Reopen();
  for (int i = 0; i < 100; ++i) box.log.Write("x");
  AuditReading reading = Start(Request(), {box.info});
  ASSERT_TRUE(reading.Next().ok());
  for (int i = 0; i < 100; ++i) box.log.Write("y");
  EXPECT_EQ(Drain(reading).back(), "a:100");
  EXPECT_TRUE(reading.IsComplete(absl::Now()));
}

TEST(AuditReadingTest, BusyLogHidesNoOther) {
  Box busy("a");
  Box quiet("b");
  busy.log.Reopen();
  quiet.log.Reopen();
  for (int i = 0; i < 1000; ++i) busy.log.Write("x");
  quiet.log.Write("y");
  AuditReading reading = Start(Follow(), {busy.info, quiet.info});
  const std::vector<std::string> items = Drain(reading);
  EXPECT_EQ(items.size(), 1001u);
  EXPECT_EQ(items[AuditReading::kMaxBatch], "b:1");
}

TEST(AuditReadingTest, RetentionThatOvertakesAReaderIsToldExactly) {
  Box box("a");
  box.log.options().retention.segment_bytes = 1000;
  box.log.options().retention.total_bytes = 2000;
  box.log.Reopen();
  box.log.Write("x");
  AuditReading reading = Start(Follow(), {box.info});
  EXPECT_THAT(Drain(reading), ElementsAre("a:1"));
  for (int i = 0; i < 200; ++i) box.log.Write("x");
  const uint64_t oldest = box.log.Segments().front();
  ASSERT_GT(oldest, 2u);
  reading.Appended("uid-a");
  const std::vector<std::string> items = Drain(reading);
  EXPECT_EQ(items[0], absl::StrCat("a lost 2-", oldest - 1));
  EXPECT_EQ(items[1], absl::StrCat("a:", oldest));
  EXPECT_EQ(items.back(), "a:201");
  EXPECT_EQ(items.size(), 1 + 201 - (oldest - 1));
}

TEST(AuditReadingTest, CursorResumedAfterRetentionTellsTheLoss) {
  Box box("a");
  box.log.options().retention.segment_bytes = 1000;
  box.log.options().retention.total_bytes = 2000;
  box.log.Reopen();
  box.log.Write("x");
  std::string cursor;
  AuditReading first = Start(Request(), {box.info});
  Drain(first, &cursor);
  for (int i = 0; i < 100; ++i) box.log.Write("x");
  Request request;
  request.set_cursor(cursor);
  AuditReading resumed = Start(request, {box.info});
  EXPECT_EQ(Drain(resumed).front(), absl::StrCat("a lost 2-", box.log.Segments().front() - 1));
}

TEST(AuditReadingTest, ReaderFromTheOldestLosesNothing) {
  Box box("a");
  box.log.options().retention.segment_bytes = 1000;
  box.log.options().retention.total_bytes = 2000;
  box.log.Reopen();
  for (int i = 0; i < 100; ++i) box.log.Write("x");
  AuditReading reading = Start(Request(), {box.info});
  EXPECT_EQ(Drain(reading).front(), absl::StrCat("a:", box.log.Segments().front()));
}

TEST(AuditReadingTest, SinceAndUntilBoundTheTimes) {
  Box box("a");
  box.log.options().retention.segment_bytes = 500;
  box.log.Reopen();
  const absl::Time start = box.log.clock().Now();
  for (int i = 0; i < 60; ++i) {
    box.log.Write("x");
    box.log.clock().Advance(absl::Seconds(1));
  }
  Request request;
  request.mutable_since()->set_seconds(absl::ToUnixSeconds(start) + 20);
  request.mutable_until()->set_seconds(absl::ToUnixSeconds(start) + 23);
  AuditReading reading = Start(request, {box.info});
  EXPECT_THAT(Drain(reading), ElementsAre("a:21", "a:22", "a:23"));
  request.set_follow(true);
  AuditReading following = Start(request, {box.info});
  Drain(following);
  EXPECT_FALSE(following.IsComplete(start));
  EXPECT_TRUE(following.IsComplete(start + absl::Seconds(23)));  // nothing that comes can pass
}

TEST(AuditReadingTest, SelectsByIdAndByLabels) {
  Box a("a");
  Box b("b");
  a.info.labels["team"] = "red";
  b.info.labels["team"] = "blue";
  a.log.Reopen();
  b.log.Reopen();
  a.log.Write("x");
  b.log.Write("x");
  Request by_id;
  by_id.add_sandbox_ids("b");
  AuditReading one = Start(by_id, {a.info, b.info});
  EXPECT_THAT(Drain(one), ElementsAre("b:1"));
  Request by_label;
  (*by_label.mutable_labels())["team"] = "red";
  AuditReading red = Start(by_label, {a.info, b.info});
  EXPECT_THAT(Drain(red), ElementsAre("a:1"));
}

TEST(AuditReadingTest, FollowerOfOneIdIsDoneWhenItsSandboxIsGone) {
  Box box("a");
  box.log.Reopen();
  Request request = Follow();
  request.add_sandbox_ids("a");
  AuditReading reading = Start(request, {box.info});
  Drain(reading);
  EXPECT_FALSE(reading.IsComplete(absl::Now()));
  box.log.Write("last");
  box.info.live = false;
  reading.Put(box.info);
  EXPECT_FALSE(reading.IsComplete(absl::Now()));  // not before it is read
  EXPECT_THAT(Drain(reading), ElementsAre("a:1"));
  EXPECT_TRUE(reading.IsComplete(absl::Now()));
}

TEST(AuditReadingTest, SpoiledLogHidesNoOther) {
  Box good("a");
  Box bad("b");
  good.log.Reopen();
  good.log.Write("x");
  std::filesystem::create_symlink("/etc/passwd", bad.log.SegmentPath(1));
  AuditReading all = Start(Follow(), {good.info, bad.info});
  EXPECT_THAT(Drain(all), ElementsAre("a:1"));
  Request named;
  named.add_sandbox_ids("b");
  AuditReading one = Start(named, {good.info, bad.info});
  const std::vector<std::string> items = Drain(one);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_THAT(items[0], testing::HasSubstr("00000000000000000001.log"));
}

// A worker that its guest has taken over writes what it likes, into its own log.
TEST(AuditReadingTest, EventsAreOfTheSandboxInWhoseLogTheyStand) {
  Box box("a");
  box.log.options().sandbox_id = "b";
  box.log.options().sandbox_uid = "uid-b";
  box.log.Reopen();
  box.log.Write("x");
  AuditReading reading = Start(Request(), {box.info});
  const absl::StatusOr<AuditReading::Batch> batch = reading.Next();
  ASSERT_TRUE(batch.ok() && batch->responses.size() == 1);
  EXPECT_EQ(batch->responses[0].event().sandbox_id(), "a");
  EXPECT_EQ(batch->responses[0].event().sandbox_uid(), "uid-a");
}

TEST(AuditReadingTest, RemovedLogLeavesTheCursor) {
  Box a("a");
  Box b("b");
  a.log.Reopen();
  b.log.Reopen();
  a.log.Write("x");
  b.log.Write("x");
  AuditReading reading = Start(Follow(), {a.info, b.info});
  Drain(reading);
  const std::string both = reading.cursor();
  reading.Remove("uid-b");
  EXPECT_LT(reading.cursor().size(), both.size());
  reading.Appended("uid-b");
  EXPECT_THAT(Drain(reading), IsEmpty());
}

TEST(AuditReadingTest, SaysWhatIsWrongWithARequest) {
  Box box("a");
  const auto error = [&box](const Request& request) { return AuditReading::Start(request, {box.info}).status(); };
  Request request;
  request.set_cursor("nonsense");
  EXPECT_EQ(FieldOf(error(request)), "cursor");
  request.Clear();
  request.mutable_filter()->add_domains("a..b");
  EXPECT_EQ(FieldOf(error(request)), "filter.domains[0]");
  request.Clear();
  request.mutable_since()->set_seconds(10);
  request.mutable_until()->set_seconds(9);
  EXPECT_EQ(FieldOf(error(request)), "until");
  request.Clear();
  request.add_sandbox_ids("a");
  request.add_sandbox_ids("No Body");
  EXPECT_EQ(FieldOf(error(request)), "sandbox_ids[1]");
  request.Clear();
  request.add_sandbox_ids("nobody");
  EXPECT_EQ(error(request).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace sluice
