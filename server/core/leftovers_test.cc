#include "server/core/leftovers.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/fake_store.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class LeftoversTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = absl::StrCat(testing::TempDir(), "/leftovers-", getpid());
    std::error_code ignored;
    fs::remove_all(root_, ignored);
    state_ = StateDirectory::Open(root_ + "/state").value();
    fs::create_directories(root_ + "/cgroup");
    for (const char* uid : {"live", "gone"}) {
      internal::v1::SandboxRecord record;
      record.mutable_sandbox()->set_uid(uid);
      ASSERT_TRUE(store_.Add(record).ok());
      ASSERT_TRUE(state_->MakeSandbox(uid).ok());
    }
    ASSERT_TRUE(store_.Remove("gone").ok());
  }

  std::vector<std::string> Names(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ + directory)) names.push_back(entry.path().filename());
    return names;
  }

  std::string root_;
  std::unique_ptr<StateDirectory> state_;
  FakeStore store_;
};

TEST_F(LeftoversTest, GoAndWhatIsLiveOrAnothersStays) {
  for (const char* name : {"sluice-live", "sluice-gone", "sluice-worker-live", "sluice-worker-gone", "sluice-another",
                           "sluice-worker-another", "sluice-", "user-gone"}) {
    fs::create_directories(absl::StrCat(root_, "/cgroup/", name));
  }
  std::ofstream(root_ + "/state/sandboxes/gone/worker.pid") << "1 2 another-boot";
  const Leftovers found = RemoveLeftovers(*state_, store_, {"live"}, {{.path = root_ + "/cgroup"}});
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_THAT(found.removed, SizeIs(3));
  EXPECT_THAT(Names("/cgroup"), UnorderedElementsAre("sluice-live", "sluice-worker-live", "sluice-another",
                                                     "sluice-worker-another", "sluice-", "user-gone"));
  EXPECT_THAT(Names("/state/sandboxes"), UnorderedElementsAre("live"));
  EXPECT_THAT(RemoveLeftovers(*state_, store_, {"live"}, {{.path = root_ + "/cgroup"}}).removed, IsEmpty());
}

TEST_F(LeftoversTest, WhatCannotBeRemovedIsTold) {
  fs::create_directories(root_ + "/cgroup/sluice-gone/child");  // rmdir refuses, and not for its processes
  const Leftovers found = RemoveLeftovers(*state_, store_, {"live"}, {{.path = root_ + "/cgroup"}});
  ASSERT_THAT(found.problems, SizeIs(1));
  EXPECT_THAT(found.problems[0], testing::HasSubstr("sluice-gone is left: "));
}

}  // namespace
}  // namespace sluice
