#include "netsvc/policy/service_maps.h"

#include <vector>

#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

Rule RuleOn(std::vector<ServiceRange> ranges) {
  Rule rule;
  rule.services = MakeServiceSet(std::move(ranges));
  return rule;
}

TEST(ServiceMapsTest, TheEmptyMapHasNoRule) { EXPECT_EQ(ServiceMaps().Find({}, 80), kNoRule); }

TEST(ServiceMapsTest, OneRuleAnswersItsRanges) {
  const std::vector<Rule> rules = {RuleOn({{80, 80}, {443, 445}})};
  ServiceMaps::Builder builder(rules);
  const ServiceMaps::Map map = builder.Add(std::vector<RuleIndex>{0});
  const ServiceMaps maps = std::move(builder).Build();
  for (const Service hit : {80, 443, 444, 445}) EXPECT_EQ(maps.Find(map, hit), 0u) << hit;
  for (const Service miss : {0, 79, 81, 442, 446}) EXPECT_EQ(maps.Find(map, miss), kNoRule) << miss;
}

TEST(ServiceMapsTest, TheLowestRuleShows) {
  const std::vector<Rule> rules = {RuleOn({{50, 60}}), RuleOn({{40, 55}, {100, 100}}), RuleOn({{0, 1000}}),
                                   RuleOn({{0, 2000}})};
  ServiceMaps::Builder builder(rules);
  const ServiceMaps::Map all = builder.Add(std::vector<RuleIndex>{0, 1, 2, 3});
  const ServiceMaps::Map some = builder.Add(std::vector<RuleIndex>{1, 3});
  const ServiceMaps maps = std::move(builder).Build();
  const struct {
    Service service;
    RuleIndex all;
    RuleIndex some;
  } kCases[] = {{0, 2, 3},   {39, 2, 3},   {40, 1, 1},   {49, 1, 1},   {50, 0, 1},
                {55, 0, 1},  {56, 0, 3},   {60, 0, 3},   {61, 2, 3},   {100, 1, 1},
                {101, 2, 3}, {1000, 2, 3}, {1001, 3, 3}, {2000, 3, 3}, {2001, kNoRule, kNoRule}};
  for (const auto& c : kCases) {
    EXPECT_EQ(maps.Find(all, c.service), c.all) << c.service;
    EXPECT_EQ(maps.Find(some, c.service), c.some) << c.service;
  }
}

TEST(ServiceMapsTest, ARuleAloneIsKeptOnce) {
  const std::vector<Rule> rules = {RuleOn({{1, 2}})};
  ServiceMaps::Builder builder(rules);
  const ServiceMaps::Map first = builder.Add(std::vector<RuleIndex>{0});
  const ServiceMaps::Map second = builder.Add(std::vector<RuleIndex>{0});
  EXPECT_EQ(first.begin, second.begin);
}

}  // namespace
}  // namespace sluice::policy
