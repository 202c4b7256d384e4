#include "server/core/labels.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

Labels Make(std::initializer_list<std::pair<std::string, std::string>> entries) {
  Labels labels;
  for (const auto& [key, value] : entries) labels[key] = value;
  return labels;
}

TEST(LabelsTest, TakesNamesAndPrintableValues) {
  EXPECT_TRUE(CheckLabels("labels", {}).ok());
  EXPECT_TRUE(CheckLabels("labels", Make({{"a", ""}, {"example.com/app_1-x", "any thing = {1}"}})).ok());
  EXPECT_TRUE(CheckLabels("labels", Make({{std::string(kMaxLabelSize, 'k'), std::string(kMaxLabelSize, 'v')}})).ok());
}

TEST(LabelsTest, RefusesEverythingElse) {
  for (const char* key : {"", "-a", "a-", ".a", "a b", "a\n", "\xc3\xa9"}) {
    EXPECT_EQ(FieldOf(CheckLabels("labels", Make({{key, "v"}}))), "labels") << key;
  }
  EXPECT_FALSE(CheckLabels("labels", Make({{"a", "\x7f"}})).ok());
  EXPECT_FALSE(CheckLabels("labels", Make({{std::string(kMaxLabelSize + 1, 'k'), ""}})).ok());
  EXPECT_FALSE(CheckLabels("labels", Make({{"k", std::string(kMaxLabelSize + 1, 'v')}})).ok());
  Labels many;
  for (size_t i = 0; i <= kMaxLabels; ++i) many[absl::StrCat("k", i)] = "v";
  EXPECT_FALSE(CheckLabels("labels", many).ok());
}

TEST(LabelsTest, ASelectorMatchesWhatBearsAllOfIt) {
  const Labels labels = Make({{"app", "web"}, {"team", "ci"}});
  EXPECT_TRUE(LabelsMatch(labels, {}));
  EXPECT_TRUE(LabelsMatch(labels, Make({{"app", "web"}})));
  EXPECT_TRUE(LabelsMatch(labels, labels));
  EXPECT_FALSE(LabelsMatch(labels, Make({{"app", "db"}})));
  EXPECT_FALSE(LabelsMatch(labels, Make({{"app", "web"}, {"zone", ""}})));
  EXPECT_FALSE(LabelsMatch({}, Make({{"app", "web"}})));
}

}  // namespace
}  // namespace sluice
