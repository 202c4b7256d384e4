#include "server/worker/worker_answer.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>

#include "netsvc/base/allocation_count.h"
#include "netsvc/base/field_error.h"
#include "netsvc/worker/activity.h"

namespace sluice {
namespace {

using internal::v1::Response;
using internal::v1::StatsResult;

Response Failed(int code, const std::string& message, const std::string& field = "") {
  Response response;
  response.set_code(code);
  response.set_message(message);
  response.set_field(field);
  return response;
}

TEST(WorkerAnswerTest, PassesOnAnErrorAndItsField) {
  EXPECT_TRUE(StatusOf(Response()).ok());
  const absl::Status wrong = StatusOf(Failed(static_cast<int>(absl::StatusCode::kInvalidArgument), "is wrong", "rules[1]"));
  EXPECT_EQ(FieldOf(wrong), "rules[1]");
  EXPECT_EQ(wrong.message(), "is wrong");
  EXPECT_EQ(StatusOf(Failed(static_cast<int>(absl::StatusCode::kNotFound), "there is none", "rules[1]")),
            absl::NotFoundError("there is none"));
}

TEST(WorkerAnswerTest, ACodeThatThereIsNotIsUnknown) {
  for (const int code : {-1, 17, 1000, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    EXPECT_EQ(StatusOf(Failed(code, "so")), absl::UnknownError("so")) << code;
  }
}

TEST(WorkerAnswerTest, WordsAreOneLineAndNotMany) {
  EXPECT_EQ(PlainText("the log: no space"), "the log: no space");
  EXPECT_EQ(PlainText("a\nb\tc\x1b[1m\xc3\xbc" "d\x7f"), "a?b?c?[1m??d?");
  EXPECT_EQ(PlainText(std::string(100'000, 'x')), std::string(kMaxWorkerText, 'x'));
  EXPECT_EQ(StatusOf(Failed(13, std::string(100'000, '\n'))).message(), std::string(kMaxWorkerText, '?'));
}

StatsResult SoundStats() {
  StatsResult stats;
  stats.set_flows_opened(3);
  for (auto* counts : {stats.mutable_flows_denied(), stats.mutable_dns_allowed(), stats.mutable_dns_denied()}) {
    counts->Add()->set_reason(v1::Verdict::REASON_RULE);
    counts->Add()->set_reason(v1::Verdict::REASON_LIMIT);
  }
  for (const double bound : Activity::kDnsLatencyBounds) stats.mutable_dns_latency()->add_bounds(bound);
  for (size_t i = 0; i <= Activity::kDnsLatencyBounds.size(); ++i) stats.mutable_dns_latency()->add_counts(i);
  stats.mutable_dns_latency()->set_sum(0.5);
  stats.set_audit_error("No space left on device");
  for (int i = 0; i < 3; ++i) stats.add_top_remotes()->set_flows(1);
  return stats;
}

TEST(WorkerAnswerTest, StatsOfAWorkerOfOursStayAsTheyAre) {
  StatsResult stats = SoundStats();
  TrimStats(3, stats);
  EXPECT_EQ(stats.SerializeAsString(), SoundStats().SerializeAsString());
}

TEST(WorkerAnswerTest, StatsThatNoWorkerHasAreLeftOut) {
  StatsResult stats = SoundStats();
  stats.mutable_flows_denied(0)->set_reason(static_cast<v1::Verdict::Reason>(4000));
  for (int i = 0; i < 10'000; ++i) stats.add_dns_denied()->set_reason(v1::Verdict::REASON_RULE);
  stats.set_audit_error(std::string(10'000, 'x'));
  TrimStats(1, stats);
  ASSERT_EQ(stats.flows_denied_size(), 1);
  EXPECT_EQ(stats.flows_denied(0).reason(), v1::Verdict::REASON_LIMIT);
  EXPECT_LE(stats.dns_denied_size(), v1::Verdict::Reason_ARRAYSIZE);
  EXPECT_EQ(stats.audit_error().size(), kMaxWorkerText);
  EXPECT_EQ(stats.top_remotes_size(), 1);
  EXPECT_TRUE(stats.has_dns_latency());
}

TEST(WorkerAnswerTest, AHistogramOfOtherBucketsIsLeftOut) {
  const auto has_latency = [](const auto& change) {
    StatsResult stats = SoundStats();
    change(*stats.mutable_dns_latency());
    TrimStats(0, stats);
    return stats.has_dns_latency();
  };
  using Histogram = internal::v1::Histogram;
  EXPECT_TRUE(has_latency([](Histogram&) {}));
  EXPECT_FALSE(has_latency([](Histogram& latency) { latency.set_bounds(0, 0.5); }));
  EXPECT_FALSE(has_latency([](Histogram& latency) { latency.add_bounds(9); }));
  EXPECT_FALSE(has_latency([](Histogram& latency) { latency.add_counts(9); }));
  EXPECT_FALSE(has_latency([](Histogram& latency) { latency.set_sum(-1); }));
  EXPECT_FALSE(has_latency([](Histogram& latency) { latency.set_sum(std::numeric_limits<double>::quiet_NaN()); }));
}

// With the longest id and the largest numbers.
v1::RuleStats LongestStats(const std::string& id_prefix = "") {
  v1::RuleStats rule;
  rule.set_rule_id(id_prefix + std::string(63, 'r'));
  for (const auto set : {&v1::RuleStats::set_flows_allowed, &v1::RuleStats::set_flows_denied,
                         &v1::RuleStats::set_names_allowed, &v1::RuleStats::set_names_denied}) {
    (rule.*set)(std::numeric_limits<uint64_t>::max());
  }
  rule.mutable_last_hit_time()->set_seconds(int64_t{1} << 40);
  rule.mutable_last_hit_time()->set_nanos(999'999'999);
  return rule;
}

TEST(WorkerAnswerTest, TheLongestAnswersOfAWorkerOfOursAreTaken) {
  for (const int rules : {2, 65'536 + 2}) {
    const int floor_rules = rules == 2 ? 1 : 4'096;
    Response response;
    for (int i = 0; i < rules; ++i) *response.mutable_rule_stats()->add_rule_stats() = LongestStats();
    for (int i = 0; i < floor_rules; ++i) *response.mutable_rule_stats()->add_rule_stats() = LongestStats("floor/");
    response.mutable_rule_stats()->mutable_since()->set_seconds(int64_t{1} << 40);
    const AnswerLimit limit = RuleStatsLimit(static_cast<size_t>(rules + floor_rules));
    EXPECT_LE(limit.bytes, size_t{10} << 20);  // worker.proto
    const std::optional<Response> parsed = ParseAnswer(response.SerializeAsString(), limit);
    ASSERT_TRUE(parsed.has_value()) << rules;
    EXPECT_EQ(parsed->rule_stats().rule_stats_size(), rules + floor_rules);
  }
  Response response;
  *response.mutable_stats() = SoundStats();
  for (int i = 0; i < 100; ++i) {
    internal::v1::RemoteBytes& remote = *response.mutable_stats()->add_top_remotes();
    remote.mutable_remote()->set_address("2001:db8::1");
    remote.set_name(std::string(253, 'n'));
  }
  for (int i = 0; i < v1::Verdict::Reason_ARRAYSIZE; ++i) response.mutable_stats()->add_flows_denied()->set_count(1);
  EXPECT_TRUE(ParseAnswer(response.SerializeAsString(), kShortAnswer).has_value());
}

std::string Empty(int rules) {
  Response response;
  for (int i = 0; i < rules; ++i) response.mutable_rule_stats()->add_rule_stats();
  return response.SerializeAsString();
}

// Fields that no message has.
std::string Unknown(size_t bytes) {
  std::string fields;
  while (fields.size() < bytes) fields += std::string("\xfa\x3f\x00", 3);  // field 1023, empty
  return fields;
}

TEST(WorkerAnswerTest, AnAnswerOfManySmallPartsTakesNoMemory) {
  const AnswerLimit limit = RuleStatsLimit(1000);
  Response inside;
  inside.mutable_rule_stats()->add_rule_stats()->ParseFromString(Unknown(limit.bytes / 2));
  const std::string group = "\x0b\x0c";  // field 1 begins and ends
  std::string groups;
  while (groups.size() < limit.bytes / 2) groups += group;
  const std::string answers[] = {Empty(static_cast<int>(limit.parts) + 1), Unknown(limit.bytes / 2), inside.SerializeAsString(), groups,
                                 std::string(limit.bytes + 1, 'x')};
  for (const std::string& answer : answers) {
    const int before = AllocationCount();
    EXPECT_FALSE(ParseAnswer(answer, limit).has_value());
    EXPECT_LT(AllocationCount() - before, 10) << answer.size();
  }
  EXPECT_TRUE(ParseAnswer(Empty(1000), limit).has_value());
}

TEST(WorkerAnswerTest, WhatIsNoResponseIsNoAnswer) {
  Response response;
  response.mutable_rule_stats()->add_rule_stats()->set_rule_id("a");
  const std::string bytes = response.SerializeAsString();
  EXPECT_TRUE(ParseAnswer(bytes, kShortAnswer).has_value());
  EXPECT_TRUE(ParseAnswer("", kShortAnswer).has_value());
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseAnswer(bytes.substr(0, size), kShortAnswer).has_value()) << size;
  }
}

TEST(WorkerAnswerTest, FieldsOfALaterVersionAreLeftOut) {
  internal::v1::RuleStatsResult stats;
  for (int i = 0; i < 3; ++i) stats.add_rule_stats()->ParseFromString(Unknown(9));
  Response response;
  *response.mutable_rule_stats() = stats;
  ASSERT_TRUE(ParseAnswer(response.SerializeAsString(), RuleStatsLimit(3)).has_value());
  TrimRuleStats(2, stats);
  ASSERT_EQ(stats.rule_stats_size(), 2);
  EXPECT_EQ(stats.rule_stats(1).ByteSizeLong(), 0u);
}

}  // namespace
}  // namespace sluice
