#include "server/access/access_control.h"

#include <stdio.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr uid_t kNamed = 7001;
constexpr uid_t kOther = 7002;

class AccessControlTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("grants: [{role: auditor, users: [\"7001\"]}]");
    absl::StatusOr<std::unique_ptr<AccessControl>> access = AccessControl::Load({.policy = path_, .tokens = ""}, 1);
    ASSERT_TRUE(access.ok()) << access.status();
    access_ = *std::move(access);
  }

  // In one step: the file is followed, and must not be seen half written.
  void Write(const std::string& policy) const {
    ASSERT_TRUE(WriteFile(path_ + ".new", policy).ok());
    ASSERT_EQ(rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }
  bool Knows(uid_t uid) const { return access_->OfUser(uid).has_value(); }

  const std::string path_ = absl::StrCat(testing::TempDir(), "/access.yaml");
  std::unique_ptr<AccessControl> access_;
};

TEST_F(AccessControlTest, AChangedFileIsInForceOnceItIsRead) {
  EXPECT_TRUE(Knows(kNamed));
  EXPECT_FALSE(Knows(kOther));
  Write("grants: [{role: auditor, users: [\"7002\"]}]");
  access_->Reload();
  EXPECT_FALSE(Knows(kNamed));
  EXPECT_TRUE(Knows(kOther));
}

TEST_F(AccessControlTest, AFileThatIsNotRightChangesNothing) {
  for (const char* wrong : {"grants: [{role: boss, users: [\"7002\"]}]", "grants: [", "users: [\"7002\"]"}) {
    Write(wrong);
    access_->Reload();
    EXPECT_TRUE(Knows(kNamed)) << wrong;
    EXPECT_FALSE(Knows(kOther)) << wrong;
  }
}

}  // namespace
}  // namespace sluice
