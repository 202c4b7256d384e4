#include "server/guest/path_roots.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class PathRootsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = fs::canonical(::testing::TempDir()).string() + "/roots-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    top_ = path;
    fs::create_directories(absl::StrCat(top_, "/guests/a"));
    fs::create_directories(absl::StrCat(top_, "/guests-not"));
    fs::create_directory_symlink(absl::StrCat(top_, "/guests"), absl::StrCat(top_, "/link"));
  }
  void TearDown() override { fs::remove_all(top_); }

  std::string top_;
};

TEST_F(PathRootsTest, LetsThroughWhatLiesBelowARoot) {
  // The roots themselves may be named through links.
  const absl::StatusOr<PathRoots> roots = PathRoots::Make({"/proc", absl::StrCat(top_, "/link")});
  ASSERT_TRUE(roots.ok()) << roots.status();
  EXPECT_EQ(roots->Find("oci.rootfs", absl::StrCat(top_, "/guests")).value_or(""), absl::StrCat(top_, "/guests"));
  EXPECT_EQ(roots->Find("oci.rootfs", absl::StrCat(top_, "/link/a")).value_or(""), absl::StrCat(top_, "/guests/a"));
  for (const std::string& path : {std::string("/"), top_, absl::StrCat(top_, "/guests-not"), std::string("/etc")}) {
    EXPECT_EQ(FieldOf(roots->Find("oci.rootfs", path).status()), "oci.rootfs") << path;
  }
}

// Else a caller could ask, path by path, what there is on the host.
TEST_F(PathRootsTest, SaysTheSameOfWhatIsOutsideAndOfWhatIsNotThere) {
  const absl::StatusOr<PathRoots> roots = PathRoots::Make({absl::StrCat(top_, "/guests")});
  ASSERT_TRUE(roots.ok()) << roots.status();
  fs::create_symlink("/nowhere", absl::StrCat(top_, "/guests/to-nothing"));
  fs::create_symlink("/etc/passwd", absl::StrCat(top_, "/guests/to-something"));
  const absl::Status outside = roots->Find("vm.kernel", "/etc/passwd").status();
  EXPECT_EQ(FieldOf(outside), "vm.kernel");
  for (const std::string& path :
       {std::string("/nowhere"), std::string("/etc/passwd/x"), absl::StrCat(top_, "/guests/nothing"),
        absl::StrCat(top_, "/guests/to-nothing"), absl::StrCat(top_, "/guests/to-something")}) {
    EXPECT_EQ(roots->Find("vm.kernel", path).status(), outside) << path;
  }
}

TEST_F(PathRootsTest, WithoutRootsEveryPathMayBe) {
  EXPECT_EQ(PathRoots().Find("oci.rootfs", "/").value_or(""), "/");
  EXPECT_EQ(PathRoots::Make({})->Find("oci.rootfs", absl::StrCat(top_, "/link")).value_or(""),
            absl::StrCat(top_, "/guests"));
  EXPECT_EQ(PathRoots().Find("vm.kernel", "/nowhere").status(),
            FieldError("vm.kernel", "cannot be opened: No such file or directory"));
}

TEST_F(PathRootsTest, ARootIsADirectoryAndNotTheHosts) {
  EXPECT_EQ(PathRoots::Make({"/nowhere"}).status().message(), "--guest_path_roots=/nowhere is not a directory");
  EXPECT_EQ(PathRoots::Make({"/etc/passwd"}).status().message(), "--guest_path_roots=/etc/passwd is not a directory");
  EXPECT_FALSE(PathRoots::Make({"/"}).ok());
  EXPECT_FALSE(PathRoots::Make({"/proc/1/../.."}).ok());
}

// What was a directory when it was looked at may be a link when it is used.
TEST_F(PathRootsTest, OpensNoDirectoryThroughALink) {
  EXPECT_TRUE(OpenDirectoryExactly(absl::StrCat(top_, "/guests/a")).ok());
  EXPECT_FALSE(OpenDirectoryExactly(absl::StrCat(top_, "/link/a")).ok());
  EXPECT_FALSE(OpenDirectoryExactly(absl::StrCat(top_, "/link")).ok());
}

}  // namespace
}  // namespace sluice
