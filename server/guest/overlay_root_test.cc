#include "server/guest/overlay_root.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/guest/mount_namespace.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class OverlayRootTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = absl::StrCat(testing::TempDir(), "/overlay.XXXXXX");
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    for (const char* name : {"/root", "/root/etc", "/layer", "/mount"}) {
      ASSERT_EQ(mkdir((top_ + name).c_str(), 0755), 0);
    }
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(top_, ignored);
  }

  OverlayRoot Root() const {
    return {.directory = top_ + "/root",
            .hostname = "web",
            .nameservers = {*IpAddress::Parse("10.0.2.3"), *IpAddress::Parse("fd73::3")},
            .layer_path = top_ + "/layer",
            .mount_path = top_ + "/mount"};
  }
  std::string Read(const std::string& name) const { return ReadFile(top_ + name, 4096).value_or("(none)"); }

  std::string top_;
};

TEST_F(OverlayRootTest, TakesWritesThatTheDirectoryNeverSees) {
  ASSERT_TRUE(WriteFile(top_ + "/root/kept", "old").ok());
  const absl::Status status = RunInMountNamespace([this] {
    if (absl::Status mounted = Root().Mount(); !mounted.ok()) return mounted;
    EXPECT_EQ(Read("/mount/kept"), "old");
    if (absl::Status written = WriteFile(top_ + "/mount/kept", "new"); !written.ok()) return written;
    EXPECT_EQ(Read("/mount/kept"), "new");
    return WriteFile(top_ + "/mount/made", "here");
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Read("/root/kept"), "old");
  EXPECT_FALSE(fs::exists(top_ + "/root/made"));
}

TEST_F(OverlayRootTest, NamesTheGuestAndItsResolvers) {
  const absl::Status status = RunInMountNamespace([this] {
    if (absl::Status mounted = Root().Mount(); !mounted.ok()) return mounted;
    EXPECT_EQ(Read("/mount/etc/hostname"), "web\n");
    EXPECT_EQ(Read("/mount/etc/resolv.conf"), "nameserver 10.0.2.3\nnameserver fd73::3\n");
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(OverlayRootTest, ALinkAtResolvConfIsReplacedAndNotFollowed) {
  ASSERT_TRUE(WriteFile(top_ + "/victim", "mine").ok());
  ASSERT_EQ(symlink((top_ + "/victim").c_str(), (top_ + "/root/etc/resolv.conf").c_str()), 0);
  const absl::Status status = RunInMountNamespace([this] {
    if (absl::Status mounted = Root().Mount(); !mounted.ok()) return mounted;
    EXPECT_FALSE(fs::is_symlink(top_ + "/mount/etc/resolv.conf"));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Read("/victim"), "mine");
}

TEST_F(OverlayRootTest, OthersMayUseDevRunAndTmpWhateverTheDirectorySays) {
  for (const char* name : {"/root/dev", "/root/run", "/root/tmp"}) ASSERT_EQ(mkdir((top_ + name).c_str(), 0700), 0);
  const absl::Status status = RunInMountNamespace([this] {
    if (absl::Status mounted = Root().Mount(); !mounted.ok()) return mounted;
    EXPECT_EQ(fs::status(top_ + "/mount/dev").permissions(), fs::perms(0755));
    EXPECT_EQ(fs::status(top_ + "/mount/run").permissions(), fs::perms(0755));
    EXPECT_EQ(fs::status(top_ + "/mount/tmp").permissions(), fs::perms(01777));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(fs::status(top_ + "/root/tmp").permissions(), fs::perms(0700));
}

TEST_F(OverlayRootTest, LeavesNoMountAndNoFile) {
  ASSERT_TRUE(RunInMountNamespace([this] { return Root().Mount(); }).ok());
  const std::string mounts = ReadFile("/proc/self/mounts", 1 << 20).value_or("");
  EXPECT_EQ(mounts.find(top_), std::string::npos);
  EXPECT_TRUE(fs::is_empty(top_ + "/layer"));
  EXPECT_TRUE(fs::is_empty(top_ + "/mount"));
}

TEST_F(OverlayRootTest, SaysWhichDirectoryIsMissing) {
  OverlayRoot root = Root();
  root.directory = top_ + "/nowhere";
  const absl::Status status = RunInMountNamespace([&root] { return root.Mount(); });
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("nowhere"), std::string::npos) << status;
}

}  // namespace
}  // namespace sluice
