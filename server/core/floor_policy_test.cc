#include "server/core/floor_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr char kOne[] = "rules:\n- action: ACTION_DENY\n  peers: [{cidr: 10.0.0.0/8}]\n";
constexpr char kTwo[] = R"({"rules": [{"action": "ACTION_DENY"}, {"action": "ACTION_ALLOW", "peers": [{"cidr": "10.5.0.1"}]}]})";

class FloorPolicyTest : public testing::Test {
 protected:
  FloorPolicyTest() {
    std::string path = absl::StrCat(getenv("TEST_TMPDIR"), "/floor-XXXXXX");
    if (mkdtemp(path.data()) != nullptr) path_ = path + "/floor.yaml";
  }

  void Write(const std::string& text) const { ASSERT_TRUE(WriteFile(path_, text).ok()); }
  void Load() {
    auto floor = FloorPolicy::Load(path_);
    ASSERT_TRUE(floor.ok()) << floor.status();
    floor_ = *std::move(floor);
  }
  std::string LoadError(const std::string& text) const {
    Write(text);
    return std::string(FloorPolicy::Load(path_).status().message());
  }
  template <typename Predicate>
  static bool Await(Predicate predicate) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!predicate() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
    return predicate();
  }

  std::string path_;
  std::unique_ptr<FloorPolicy> floor_;
};

TEST_F(FloorPolicyTest, HasNoRulesWithoutAFile) {
  const auto floor = FloorPolicy::Load("");
  ASSERT_TRUE(floor.ok());
  (*floor)->Reload();
  EXPECT_EQ((*floor)->Get()->size(), 0);
  EXPECT_FALSE((*floor)->state().stale);
}

TEST_F(FloorPolicyTest, FollowsItsFileAndTellsOfOtherRulesAlone) {
  Write(kOne);
  Load();
  EXPECT_EQ(floor_->Get()->size(), 1);
  std::atomic<int> told = 0;
  floor_->Follow([&told] { ++told; });
  Write(kTwo);
  EXPECT_TRUE(Await([&] { return told == 1; }));
  EXPECT_EQ(floor_->Get()->size(), 2);
  EXPECT_EQ(floor_->Get()->Get(1).peers(0).cidr(), "10.5.0.1");
  Write(absl::StrCat(kTwo, "\n# the same\n"));
  floor_->Reload();
  Write("rules: []\n");
  EXPECT_TRUE(Await([&] { return told == 2; }));
  EXPECT_EQ(floor_->Get()->size(), 0);
  floor_->StopFollowing();
}

TEST_F(FloorPolicyTest, ABadVersionLeavesTheOldOneAndSaysSo) {
  Write(kOne);
  Load();
  std::atomic<int> told = 0;
  floor_->Follow([&told] { ++told; });
  Write("rules: all\n");
  EXPECT_TRUE(Await([&] { return floor_->state().stale; }));
  EXPECT_EQ(floor_->Get()->size(), 1);
  EXPECT_GE(floor_->state().failed_reloads, 1u);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  floor_->Reload();
  EXPECT_TRUE(floor_->state().stale);
  EXPECT_EQ(floor_->Get()->size(), 1);
  EXPECT_EQ(told, 0);
  Write(kTwo);
  EXPECT_TRUE(Await([&] { return told == 1 && !floor_->state().stale; }));
  floor_->StopFollowing();
}

TEST_F(FloorPolicyTest, NamesFileLineAndFieldOfAMistake) {
  const struct {
    const char* text;
    const char* mistake;
  } kCases[] = {
      {"rules:\n- action: DENY\n", "line 2: "},
      {"rules:\n- action: ACTION_DENY\n  peers:\n  - cidr: 10.0.0.1/8\n", "line 4: rules[0].peers[0].cidr: "},
      {"rules:\n- action: ACTION_DENY\n- id: x\n", "line 3: rules[1].action: is required"},
      {"rules:\n- action: ACTION_ALLOW\n", "line 2: rules[0].peers: must say what is allowed"},
      {"preset: PRESET_NONE\n", "line 1: preset: is each sandbox's own"},
      {"rules: []\ndeny_response: DENY_RESPONSE_DROP\n", "line 2: deny_response: is each sandbox's own"},
      {"", ""},
  };
  for (const auto& [text, mistake] : kCases) {
    EXPECT_THAT(LoadError(text), HasSubstr(absl::StrCat("--floor_policy=", path_, ": ", mistake))) << text;
  }
}

TEST_F(FloorPolicyTest, IsNobodyElsesToWrite) {
  Write(kOne);
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  EXPECT_THAT(std::string(FloorPolicy::Load(path_).status().message()), HasSubstr("may be written by everybody"));
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_TRUE(FloorPolicy::Load(path_).ok());
}

}  // namespace
}  // namespace sluice
