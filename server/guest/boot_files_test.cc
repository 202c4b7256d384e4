#include "server/guest/boot_files.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class BootFilesTest : public testing::Test {
 protected:
  BootFilesTest() {
    char path[] = "/tmp/boot_files_test.XXXXXX";
    EXPECT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    std::string kernel(4096, 'k');
    kernel.replace(0x202, 4, "HdrS");
    vm_.set_kernel(Make("kernel", kernel));
  }
  ~BootFilesTest() override { fs::remove_all(directory_); }

  std::string Make(const std::string& name, const std::string& content) const {
    const std::string path = absl::StrCat(directory_, "/", name);
    EXPECT_TRUE(WriteFile(path, content, 0600).ok());
    return path;
  }
  // A qcow2 header of version 3 (QEMU's docs/interop/qcow2.txt).
  static std::string Qcow(uint8_t backing_file, uint8_t incompatible) {
    std::string header(104, '\0');
    header.replace(0, 4, "QFI\xfb");
    header[7] = 3;
    header[15] = static_cast<char>(backing_file);
    header[79] = static_cast<char>(incompatible);
    return header;
  }
  absl::StatusOr<BootFiles> Open() const { return BootFiles::Open(vm_, directory_, 0); }
  std::string Wrong() const { return FieldOf(Open().status()).value_or("none"); }

  std::string directory_;
  v1::VmGuest vm_;
};

TEST_F(BootFilesTest, CopiesWhatItBootsFrom) {
  vm_.set_initrd(Make("initrd", "of mine"));
  vm_.set_disk(Make("disk", "raw"));
  const size_t before = std::distance(fs::directory_iterator(directory_), {});
  const absl::StatusOr<BootFiles> files = Open();
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_TRUE(WriteFile(vm_.initrd(), "another's").ok());
  EXPECT_EQ(*ReadFile(absl::StrCat("/proc/self/fd/", files->initrd.get()), 100), "of mine");
  EXPECT_EQ(files->disk_format, QemuCommand::DiskFormat::kRaw);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), static_cast<ptrdiff_t>(before)) << "the copies have no names";
}

TEST_F(BootFilesTest, NeedsNoMoreThanAKernel) {
  const absl::StatusOr<BootFiles> files = Open();
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_FALSE(files->initrd.valid());
  EXPECT_FALSE(files->disk_format.has_value());
}

TEST_F(BootFilesTest, NamesTheFieldThatIsWrong) {
  const v1::VmGuest right = vm_;
  vm_.set_kernel("/nowhere");
  EXPECT_EQ(Wrong(), "vm.kernel");
  vm_.set_kernel(directory_);
  EXPECT_EQ(Wrong(), "vm.kernel");
  vm_.set_kernel(Make("text", "no kernel"));
  EXPECT_EQ(Wrong(), "vm.kernel");
  vm_ = right;
  vm_.set_initrd("/nowhere");
  EXPECT_EQ(Wrong(), "vm.initrd");
  vm_ = right;
  const std::string pipe = absl::StrCat(directory_, "/pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  vm_.set_disk(pipe);
  EXPECT_EQ(Wrong(), "vm.disk");
}

TEST_F(BootFilesTest, FollowsNoLinkThatWasPutThereSince) {
  const std::string link = absl::StrCat(directory_, "/link");
  ASSERT_EQ(symlink(vm_.kernel().c_str(), link.c_str()), 0);
  vm_.set_initrd(link);
  EXPECT_EQ(Wrong(), "vm.initrd");
  vm_.set_initrd(vm_.kernel());
  EXPECT_EQ(Wrong(), "none");
}

TEST_F(BootFilesTest, CopiesNoMoreThanItMay) {
  vm_.set_initrd(Make("initrd", ""));
  ASSERT_EQ(truncate(vm_.initrd().c_str(), BootFiles::kMaxCopied + 1), 0);
  EXPECT_EQ(Wrong(), "vm.initrd");
}

TEST_F(BootFilesTest, TakesNoDiskThatNamesOtherFilesOfTheHost) {
  vm_.set_disk(Make("plain", Qcow(0, 0)));
  const absl::StatusOr<BootFiles> files = Open();
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->disk_format, QemuCommand::DiskFormat::kQcow2);
  vm_.set_disk(Make("backed", Qcow(104, 0)));
  EXPECT_EQ(Wrong(), "vm.disk");
  vm_.set_disk(Make("external", Qcow(0, 4)));
  EXPECT_EQ(Wrong(), "vm.disk");
}

}  // namespace
}  // namespace sluice
