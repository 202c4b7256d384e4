#include "server/guest/named_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

class NamedSocketTest : public testing::Test {
 protected:
  NamedSocketTest() {
    char path[] = "/tmp/named_socket.XXXXXX";
    directory_ = mkdtemp(path);
  }
  ~NamedSocketTest() override { std::filesystem::remove_all(directory_); }

  std::string Path() const { return directory_ + "/vm.sock"; }
  bool CanConnect(int type) const {
    const UniqueFd fd(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    std::strcpy(address.sun_path, Path().c_str());
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

  std::string directory_;
};

TEST_F(NamedSocketTest, IsTheDirectoryOwnersAloneAndGoesWithTheObject) {
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(chown(directory_.c_str(), 1234, 2345), 0);
  }
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    auto made = NamedSocket::Make(type, Path());
    ASSERT_TRUE(made.ok()) << made.status();
    struct stat info;
    ASSERT_EQ(lstat(Path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    if (root) {
      EXPECT_EQ(info.st_uid, 1234u);
    }
    EXPECT_TRUE(CanConnect(type));
    made->reset();
    EXPECT_FALSE(std::filesystem::exists(Path()));
  }
}

// Whoever may write to the directory's parent may put a link in its place, before
// or after.
TEST_F(NamedSocketTest, TouchesNothingInAnotherDirectory) {
  const std::string moved = directory_ + "-moved", other = directory_ + "-other";
  ASSERT_TRUE(std::filesystem::create_directory(other));
  auto made = NamedSocket::Make(SOCK_STREAM, Path());
  ASSERT_TRUE(made.ok()) << made.status();
  std::filesystem::rename(directory_, moved);
  std::filesystem::create_directory_symlink(other, directory_);
  ASSERT_TRUE(WriteFile(other + "/vm.sock", "").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(NamedSocket::Make(SOCK_STREAM, Path()).status()));
  made->reset();
  EXPECT_TRUE(std::filesystem::exists(other + "/vm.sock"));
  EXPECT_FALSE(std::filesystem::exists(moved + "/vm.sock"));
  for (const std::string& path : {moved, other}) std::filesystem::remove_all(path);
}

TEST_F(NamedSocketTest, TakesThePlaceOfADeadSocketAlone) {
  auto first = NamedSocket::Make(SOCK_STREAM, Path());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(absl::IsAlreadyExists(NamedSocket::Make(SOCK_STREAM, Path()).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(NamedSocket::Make(SOCK_DGRAM, Path()).status()));
  // What a killed server leaves behind: the name alone.
  std::filesystem::rename(Path(), Path() + ".kept");
  first->reset();
  std::filesystem::rename(Path() + ".kept", Path());
  EXPECT_TRUE(NamedSocket::Make(SOCK_DGRAM, Path()).ok());
  UniqueFd file(open(Path().c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_TRUE(absl::IsAlreadyExists(NamedSocket::Make(SOCK_STREAM, Path()).status()));
  EXPECT_TRUE(std::filesystem::exists(Path()));
}

TEST_F(NamedSocketTest, LeavesAlonePathsThatAreAnothersNow) {
  auto made = NamedSocket::Make(SOCK_STREAM, Path());
  ASSERT_TRUE(made.ok()) << made.status();
  std::filesystem::rename(Path(), Path() + ".ours");
  UniqueFd file(open(Path().c_str(), O_CREAT | O_WRONLY, 0600));
  made->reset();
  EXPECT_TRUE(std::filesystem::exists(Path()));
}

TEST_F(NamedSocketTest, RefusesPathsThatCannotBe) {
  EXPECT_TRUE(absl::IsInvalidArgument(NamedSocket::Make(SOCK_STREAM, "/nowhere/vm.sock").status()));
  const std::string longer = absl::StrCat(directory_, "/", std::string(100, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(NamedSocket::Make(SOCK_STREAM, longer).status()));
}

}  // namespace
}  // namespace sluice
