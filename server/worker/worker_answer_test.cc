#include "server/worker/worker_answer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

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

TEST(WorkerAnswerTest, OnlyRuleStatsAreLong) {
  internal::v1::Request stats;
  stats.mutable_get_stats();
  internal::v1::Request rules;
  rules.mutable_get_rule_stats();
  EXPECT_LT(MaxAnswer(stats), MaxAnswer(rules));
  internal::v1::Response largest;
  v1::RuleStats rule;
  rule.set_rule_id(std::string(63, 'r'));
  for (const auto set : {&v1::RuleStats::set_flows_allowed, &v1::RuleStats::set_flows_denied,
                         &v1::RuleStats::set_names_allowed, &v1::RuleStats::set_names_denied}) {
    (rule.*set)(std::numeric_limits<uint64_t>::max());
  }
  rule.mutable_last_hit_time()->set_seconds(int64_t{1} << 40);
  rule.mutable_last_hit_time()->set_nanos(999'999'999);
  for (int i = 0; i < 65'536 + 2; ++i) *largest.mutable_rule_stats()->add_rule_stats() = rule;
  rule.set_rule_id("floor/" + rule.rule_id());
  for (int i = 0; i < 4'096; ++i) *largest.mutable_rule_stats()->add_rule_stats() = rule;
  EXPECT_LT(largest.ByteSizeLong(), MaxAnswer(rules));
}

}  // namespace
}  // namespace sluice
