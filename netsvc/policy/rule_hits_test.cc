#include "netsvc/policy/rule_hits.h"

#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/policy/floor.h"

namespace sluice::policy {
namespace {

using google::protobuf::RepeatedPtrField;

std::shared_ptr<const CompiledPolicy> Compile(const std::string& text) {
  v1::NetworkPolicy policy;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &policy));
  return CompiledPolicy::Compile(policy).value();
}

const absl::Time kStart = absl::FromUnixSeconds(1'000);

class RuleHitsTest : public testing::Test {
 protected:
  RepeatedPtrField<v1::RuleStats> Stats() const {
    RepeatedPtrField<v1::RuleStats> stats;
    hits_.AppendTo(stats);
    return stats;
  }

  RuleHits hits_{Compile("preset: PRESET_DENYLIST rules { id: 'named' action: ACTION_DENY }"
                         " rules { action: ACTION_ALLOW }"),
                 kStart};
};

TEST_F(RuleHitsTest, TellsEveryRuleInOrderAndThenPresetAndDefault) {
  const RepeatedPtrField<v1::RuleStats> stats = Stats();
  std::vector<std::string> ids;
  for (const v1::RuleStats& rule : stats) {
    ids.push_back(rule.rule_id());
    EXPECT_EQ(rule.flows_allowed() + rule.flows_denied() + rule.names_allowed() + rule.names_denied(), 0u);
    EXPECT_FALSE(rule.has_last_hit_time());
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"named", "rule-1", "preset", "default"}));
}

TEST_F(RuleHitsTest, CountsFlowsAndNamesApart) {
  for (int i = 0; i < 3; ++i) hits_.Count(RuleHits::Kind::kFlow, v1::ACTION_DENY, "named", kStart);
  hits_.Count(RuleHits::Kind::kName, v1::ACTION_DENY, "named", kStart + absl::Seconds(5));
  hits_.Count(RuleHits::Kind::kFlow, v1::ACTION_ALLOW, "rule-1", kStart);
  hits_.Count(RuleHits::Kind::kName, v1::ACTION_ALLOW, "preset", kStart);
  const RepeatedPtrField<v1::RuleStats> stats = Stats();
  EXPECT_EQ(stats[0].flows_denied(), 3u);
  EXPECT_EQ(stats[0].names_denied(), 1u);
  EXPECT_EQ(stats[0].flows_allowed(), 0u);
  EXPECT_EQ(stats[0].last_hit_time().seconds(), 1'005);
  EXPECT_EQ(stats[1].flows_allowed(), 1u);
  EXPECT_EQ(stats[2].names_allowed(), 1u);
}

TEST_F(RuleHitsTest, AVerdictWithoutARuleIsTheDefaults) {
  hits_.Count(RuleHits::Kind::kFlow, v1::ACTION_DENY, "", kStart);
  EXPECT_EQ(Stats()[3].flows_denied(), 1u);
}

TEST_F(RuleHitsTest, PassesOverARuleOfAnotherPolicy) {
  hits_.Count(RuleHits::Kind::kFlow, v1::ACTION_DENY, "gone", kStart);
  for (const v1::RuleStats& rule : Stats()) EXPECT_FALSE(rule.has_last_hit_time()) << rule.rule_id();
}

TEST(RuleHitsFloorTest, TellsOfTheFloorsRulesThatDecidedAfterAllOthers) {
  v1::NetworkPolicy policy;
  policy.set_preset(v1::PRESET_ALLOW_ALL);
  policy.add_rules()->set_action(v1::ACTION_DENY);
  v1::NetworkPolicy floor;
  for (const char* id : {"a", "b"}) {
    floor.add_rules()->set_id(id);
    floor.mutable_rules()->rbegin()->set_action(v1::ACTION_DENY);
  }
  const auto ids = [](const RuleHits& hits) {
    RepeatedPtrField<v1::RuleStats> stats;
    hits.AppendTo(stats);
    std::vector<std::string> told;
    for (const v1::RuleStats& rule : stats) told.push_back(rule.rule_id() + (rule.flows_denied() > 0 ? " hit" : ""));
    return told;
  };
  using Ids = std::vector<std::string>;
  RuleHits hits(CompiledPolicy::Compile(policy, ParseFloor(floor.rules()).value()).value(), kStart);
  EXPECT_EQ(ids(hits), (Ids{"rule-0", "preset", "default"}));
  for (const char* id : {"floor/b", "rule-0", "default"}) hits.Count(RuleHits::Kind::kFlow, v1::ACTION_DENY, id, kStart);
  EXPECT_EQ(ids(hits), (Ids{"rule-0 hit", "preset", "default hit", "floor/b hit"}));

  // Another floor's rule of that id is another rule.
  floor.mutable_rules()->RemoveLast();
  floor.mutable_rules(0)->set_id("b");
  hits.ChangeFloor(CompiledPolicy::Compile(policy, ParseFloor(floor.rules()).value()).value());
  EXPECT_EQ(ids(hits), (Ids{"rule-0 hit", "preset", "default hit"}));
  hits.Count(RuleHits::Kind::kFlow, v1::ACTION_DENY, "floor/b", kStart);
  EXPECT_EQ(ids(hits), (Ids{"rule-0 hit", "preset", "default hit", "floor/b hit"}));
  hits.ChangeFloor(CompiledPolicy::Compile(policy).value());
  hits.Count(RuleHits::Kind::kFlow, v1::ACTION_DENY, "floor/b", kStart);
  EXPECT_EQ(ids(hits), (Ids{"rule-0 hit", "preset", "default hit"}));
}

}  // namespace
}  // namespace sluice::policy
