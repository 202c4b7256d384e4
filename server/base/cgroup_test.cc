// With a directory tree in place of the kernel's file systems, where a file is what
// was last written to it. (//tests/e2e:egress_backstop_test has the kernel's own.)

#include "server/base/cgroup.h"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = absl::StrCat(testing::TempDir(), "/cgroup-", getpid());
    fs::create_directories(root_ + "/cpu");
    fs::create_directories(root_ + "/unified");
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  void Put(const std::string& file, const std::string& text) const {
    ASSERT_TRUE(WriteFile(absl::StrCat(root_, "/", file), text).ok());
  }
  std::string Get(const std::string& file) const {
    return ReadFile(absl::StrCat(root_, "/", file), 4096).value_or("(none)");
  }

  CgroupMount V1(const std::string& controllers) const {
    return {.path = root_ + "/cpu", .version = 1, .options = {"rw", controllers}};
  }
  // With those controllers, of which the root passes on `passed`.
  CgroupMount V2(const std::string& controllers, const std::string& passed) const {
    Put("unified/cgroup.controllers", controllers);
    Put("unified/cgroup.subtree_control", passed);
    return {.path = root_ + "/unified", .version = 2, .options = {"rw"}};
  }

  std::string root_;
};

TEST_F(CgroupTest, MountsAreThoseOfEitherVersion) {
  Put("mounts",
      "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
      "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n"
      "none /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
      "cgroup short\n");
  const std::vector<CgroupMount> mounts = CgroupMounts(root_ + "/mounts");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].path, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(mounts[0].version, 1);
  EXPECT_THAT(mounts[0].options, ElementsAre("rw", "relatime", "cpu", "cpuacct"));
  EXPECT_EQ(mounts[1].path, "/sys/fs/cgroup/unified");
  EXPECT_EQ(mounts[1].version, 2);
  EXPECT_THAT(CgroupMounts(root_ + "/nowhere"), IsEmpty());
}

TEST_F(CgroupTest, NamesTellWhoseTheyAre) {
  EXPECT_EQ(UidOfCgroup(GuestCgroup("uid")), "uid");
  EXPECT_EQ(UidOfCgroup(WorkerCgroup("uid")), "uid");
  EXPECT_NE(GuestCgroup("uid"), WorkerCgroup("uid"));
  EXPECT_EQ(UidOfCgroup("user-uid"), "");
}

TEST_F(CgroupTest, IsMadeOnceAndGoesWithItsObject) {
  const std::string path = root_ + "/cpu/sluice-uid";
  auto group = Cgroup::Create(root_ + "/cpu", GuestCgroup("uid"));
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_EQ((*group)->path(), path);
  EXPECT_TRUE(fs::is_directory(path));
  {
    const auto next = Cgroup::Create(root_ + "/cpu", GuestCgroup("uid"));
    EXPECT_TRUE(next.ok()) << next.status();
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(Cgroup::Create(root_ + "/nowhere", "sluice-uid").ok());
}

TEST_F(CgroupTest, StaysWhileSomethingIsInIt) {
  {
    const auto group = Cgroup::Create(root_ + "/cpu", GuestCgroup("uid"));
    ASSERT_TRUE(group.ok()) << group.status();
    ASSERT_TRUE((*group)->Add(1234).ok());
  }
  EXPECT_EQ(Get("cpu/sluice-uid/cgroup.procs"), "1234");
}

TEST_F(CgroupTest, WeightsOfVersion1AreShares) {
  const auto cpu = CpuController::Find({V2("memory pids\n", ""), V1("cpu")});
  ASSERT_TRUE(cpu.ok()) << cpu.status();
  EXPECT_EQ(cpu->version(), 1);
  ASSERT_TRUE(cpu->MakeGroup(WorkerCgroup("uid")).ok());
  EXPECT_EQ(Get("cpu/sluice-worker-uid/cpu.shares"), "1024");
  EXPECT_EQ(Get("cpu/sluice-worker-uid/cpu.weight"), "(none)");
}

TEST_F(CgroupTest, WeightsOfVersion2AreTurnedOn) {
  const auto cpu = CpuController::Find({V2("cpuset cpu memory\n", "memory\n")});
  ASSERT_TRUE(cpu.ok()) << cpu.status();
  EXPECT_EQ(cpu->version(), 2);
  EXPECT_EQ(Get("unified/cgroup.subtree_control"), "+cpu");
  ASSERT_TRUE(cpu->MakeGroup(WorkerCgroup("uid")).ok());
  EXPECT_EQ(Get("unified/sluice-worker-uid/cpu.weight"), "100");
}

TEST_F(CgroupTest, WeightsOfVersion2ThatAreOnAreLeftSo) {
  ASSERT_TRUE(CpuController::Find({V2("cpu memory\n", "cpu memory\n")}).ok());
  EXPECT_EQ(Get("unified/cgroup.subtree_control"), "cpu memory\n");
}

TEST_F(CgroupTest, SomebodyElseTurnsThemOff) {
  const auto cpu = CpuController::Find({V2("cpu memory\n", "cpu memory\n")});
  ASSERT_TRUE(cpu.ok()) << cpu.status();
  Put("unified/cgroup.subtree_control", "memory\n");
  ASSERT_TRUE(cpu->MakeGroup(WorkerCgroup("uid")).ok());
  EXPECT_EQ(Get("unified/cgroup.subtree_control"), "+cpu");
}

TEST_F(CgroupTest, SaysThatThereIsNoCpuController) {
  const absl::Status none = absl::FailedPreconditionError("no cgroup file system here has the cpu controller");
  EXPECT_EQ(CpuController::Find({}).status(), none);
  EXPECT_EQ(CpuController::Find({V2("cpuset memory\n", "memory\n"), V1("cpuacct")}).status(), none);
}

TEST_F(CgroupTest, SaysWhatItMayNotDo) {
  const CgroupMount mount = V2("cpu memory\n", "memory\n");
  fs::remove(root_ + "/unified/cgroup.subtree_control");
  fs::create_directory(root_ + "/unified/cgroup.subtree_control");  // nobody writes to that
  const absl::Status status = CpuController::Find({mount}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("+cpu to "));
}

}  // namespace
}  // namespace sluice
