#include "server/guest/local_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/guest/file_calls.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kMaxFile = 1 << 20;

// A "host" directory with a secret, and the guest's root in it.
class LocalFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = absl::StrCat(testing::TempDir(), "/filesXXXXXX");
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    host_ = name;
    for (const char* directory : {"/root", "/root/etc", "/root/tmp"}) {
      ASSERT_EQ(mkdir(Host(directory).c_str(), 0755), 0);
      // The guest's user's, whom the directories above let through.
      ASSERT_EQ(chown(Host(directory).c_str(), user_.uid, user_.gid), 0);
    }
    ASSERT_EQ(chmod(host_.c_str(), 0755), 0);
    ASSERT_TRUE(WriteFile(Host("/secret"), "the host's").ok());
    ASSERT_TRUE(WriteFile(Host("/root/secret"), "the guest's").ok());
  }
  void TearDown() override { std::filesystem::remove_all(host_); }

  std::string Host(const std::string& path) const { return host_ + path; }
  LocalFiles Files() const { return FilesOf(user_); }
  LocalFiles FilesOf(const GuestUser& user) const {
    return LocalFiles(UniqueFd(open(Host("/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), user);
  }
  void Link(const std::string& target, const std::string& path) const {
    ASSERT_EQ(symlink(target.c_str(), Host("/root" + path).c_str()), 0);
  }

  absl::StatusOr<std::string> Read(const std::string& path, uint64_t offset = 0, uint64_t length = 0) const {
    return ReadWhole(Files(), path, offset, length);
  }
  absl::StatusOr<std::unique_ptr<FileWriter>> Open(const std::string& path, uint32_t mode = 0) const {
    return OpenToWrite(Files(), path, mode);
  }
  absl::Status Write(const std::string& path, const std::string& data, uint32_t mode = 0) const {
    return WriteWhole(Files(), path, data, mode);
  }
  absl::Status MakeDirectory(const std::string& path, bool parents = false, uint32_t mode = 0) const {
    return MakeOneDirectory(Files(), path, parents, mode);
  }
  std::vector<std::string> Names(const std::string& path) const {
    std::vector<std::string> names;
    const auto entries = Files().List(path);
    EXPECT_TRUE(entries.ok()) << entries.status();
    if (entries.ok()) {
      for (const v1::FileInfo& entry : *entries) names.push_back(entry.path());
    }
    return names;
  }

  const GuestUser user_;
  std::string host_;
};

TEST_F(LocalFilesTest, LinksAndDotsStayInTheRoot) {
  Link("/secret", "/etc/absolute");
  Link("../../../../secret", "/etc/relative");
  Link("/..", "/etc/up");
  for (const char* path : {"/secret", "/../secret", "/../../../secret", "/etc/../../secret", "/etc/absolute",
                           "/etc/relative", "/etc/up/secret", "/etc/up/../secret"}) {
    SCOPED_TRACE(path);
    const auto data = Read(path);
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_EQ(*data, "the guest's");
  }
}

TEST_F(LocalFilesTest, WritesThroughLinksStayInTheRoot) {
  Link("../..", "/etc/up");
  Link(Host("/secret"), "/tmp/link");
  EXPECT_TRUE(absl::IsNotFound(Read("/tmp/link").status()));
  EXPECT_TRUE(absl::IsNotFound(Write("/etc/up/root/file", "x")));
  ASSERT_TRUE(Write("/etc/up/tmp/file", "x").ok());
  EXPECT_EQ(Read("/tmp/file").value_or(""), "x");
  ASSERT_TRUE(Write("/tmp/link", "mine").ok());
  EXPECT_EQ(Read("/tmp/link").value_or(""), "mine");
  EXPECT_EQ(ReadFile(Host("/secret"), kMaxFile).value_or(""), "the host's");
  EXPECT_FALSE(std::filesystem::exists(Host("/tmp")));
}

TEST_F(LocalFilesTest, KernelFilesAndMagicLinksAreNotReached) {
  const LocalFiles whole_host(UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)), GuestUser{.uid = 0, .gid = 0});
  for (const char* path : {"/proc/self/root/etc/passwd", "/proc/self/cwd", "/proc/sys/kernel/hostname",
                           "/proc/self/status", "/proc", "/sys/class"}) {
    SCOPED_TRACE(path);
    v1::ReadFileRequest request;
    request.set_path(path);
    EXPECT_TRUE(absl::IsFailedPrecondition(whole_host.Read(request).status()));
    EXPECT_TRUE(absl::IsFailedPrecondition(whole_host.List(path).status()));
    EXPECT_EQ(access(path, F_OK), 0);  // there it is
  }
}

TEST_F(LocalFilesTest, OpensNeitherPipesNorDirectories) {
  ASSERT_EQ(mkfifo(Host("/root/tmp/fifo").c_str(), 0666), 0);
  for (const char* path : {"/tmp/fifo", "/tmp"}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(Read(path).status())) << path;
    EXPECT_TRUE(absl::IsFailedPrecondition(Open(path).status())) << path;
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(Files().List("/tmp/fifo").status()));
}

TEST_F(LocalFilesTest, AFileAppearsWholeOrNotAtAll) {
  ASSERT_TRUE(Write("/tmp/file", "before").ok());
  {
    auto writer = Open("/tmp/file");
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE((*writer)->Write("half").ok());
    EXPECT_EQ(Read("/tmp/file").value_or(""), "before");
  }
  EXPECT_THAT(Names("/tmp"), ElementsAre("/tmp/file"));
  EXPECT_EQ(Read("/tmp/file").value_or(""), "before");
  ASSERT_TRUE(Write("/tmp/file", "after", 0750).ok());
  const auto info = Files().Stat("/tmp/file");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->type(), v1::FileInfo::TYPE_FILE);
  EXPECT_EQ(info->mode(), 0750u);
  EXPECT_EQ(info->size(), 5u);
  EXPECT_EQ(info->uid(), user_.uid);
  EXPECT_EQ(info->gid(), user_.gid);
}

TEST_F(LocalFilesTest, ReadsParts) {
  const std::string data = std::string(FileReader::kMaxChunk, 'a') + "bcd";
  ASSERT_TRUE(Write("/tmp/file", data).ok());
  EXPECT_EQ(Read("/tmp/file").value_or(""), data);
  EXPECT_EQ(Read("/tmp/file", FileReader::kMaxChunk).value_or(""), "bcd");
  EXPECT_EQ(Read("/tmp/file", FileReader::kMaxChunk - 1, 2).value_or(""), "ab");
  EXPECT_EQ(Read("/tmp/file", data.size() + 7).value_or("x"), "");
  EXPECT_EQ(FieldOf(Read("/tmp/file", ~uint64_t{0}).status()), "offset");
}

TEST_F(LocalFilesTest, DoesOnlyWhatTheUserMay) {
  ASSERT_TRUE(WriteFile(Host("/root/etc/shadow"), "hash", 0600).ok());
  ASSERT_EQ(chmod(Host("/root/etc").c_str(), 0755), 0);
  ASSERT_EQ(chown(Host("/root/etc").c_str(), 0, 0), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(Read("/etc/shadow").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Write("/etc/file", "x")));
  EXPECT_TRUE(absl::IsPermissionDenied(MakeDirectory("/etc/directory")));
  EXPECT_TRUE(absl::IsPermissionDenied(Files().Remove("/etc/shadow", true)));
  v1::ReadFileRequest request;
  request.set_path("/etc/shadow");
  EXPECT_TRUE(FilesOf({.uid = 0, .gid = 0}).Read(request).ok());
  // This thread is who it was.
  EXPECT_TRUE(ReadFile(Host("/root/etc/shadow"), kMaxFile).ok());
}

TEST_F(LocalFilesTest, MakesDirectories) {
  EXPECT_TRUE(absl::IsNotFound(MakeDirectory("/tmp/a/b")));
  ASSERT_TRUE(MakeDirectory("/tmp/a/b/", true, 01700).ok());
  EXPECT_EQ(Files().Stat("/tmp/a")->mode(), 0755u);
  EXPECT_EQ(Files().Stat("/tmp/a/b")->mode(), 01700u);
  EXPECT_TRUE(MakeDirectory("/tmp/a/b", true).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(MakeDirectory("/tmp/a/b")));
  ASSERT_TRUE(Write("/tmp/file", "").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(MakeDirectory("/tmp/file", true)));
  EXPECT_TRUE(absl::IsFailedPrecondition(MakeDirectory("/tmp/file/below", true)));
}

TEST_F(LocalFilesTest, RemovesTreesAndNothingBeyond) {
  ASSERT_TRUE(MakeDirectory("/tmp/a/b", true).ok());
  ASSERT_TRUE(Write("/tmp/a/b/file", "x").ok());
  ASSERT_TRUE(Write("/tmp/kept", "x").ok());
  Link("/tmp/kept", "/tmp/a/link");
  Link("../../..", "/tmp/a/up");
  EXPECT_TRUE(absl::IsFailedPrecondition(Files().Remove("/tmp/a", false)));
  ASSERT_TRUE(Files().Remove("/tmp/a", true).ok());
  EXPECT_THAT(Names("/tmp"), ElementsAre("/tmp/kept"));
  EXPECT_EQ(ReadFile(Host("/secret"), kMaxFile).value_or(""), "the host's");
  EXPECT_TRUE(Files().Remove("/tmp/kept", false).ok());
  EXPECT_THAT(Names("/tmp"), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(Files().Remove("/tmp/kept", true)));
}

TEST_F(LocalFilesTest, ListsByNameAndTellsLinksTargets) {
  ASSERT_TRUE(Write("/tmp/b", "x").ok());
  Link("/secret", "/tmp/a");
  ASSERT_TRUE(WriteFile(Host("/root/tmp/\xff"), "").ok());
  EXPECT_THAT(Names("/tmp/"), ElementsAre("/tmp/a", "/tmp/b", "/tmp/\xef\xbf\xbd"));
  const auto link = Files().Stat("/tmp/a");
  ASSERT_TRUE(link.ok()) << link.status();
  EXPECT_EQ(link->type(), v1::FileInfo::TYPE_SYMLINK);
  EXPECT_EQ(link->link_target(), "/secret");
}

TEST_F(LocalFilesTest, RefusesWhatIsNoPath) {
  for (const std::string& path : {std::string(), std::string("tmp/file"), std::string("/tmp/\0x", 7),
                                  "/" + std::string(GuestRoot::kMaxPath, 'a'), "/" + std::string(300, 'a')}) {
    EXPECT_EQ(FieldOf(Read(path).status()), "path") << path;
    EXPECT_EQ(FieldOf(Open(path).status()), "path") << path;
    EXPECT_EQ(FieldOf(MakeDirectory(path, true)), "path") << path;
  }
  for (const char* path : {"/", "/tmp/..", "/tmp/."}) {
    EXPECT_EQ(FieldOf(Files().Remove(path, true)), "path") << path;
  }
  EXPECT_EQ(FieldOf(Open("/tmp/file", 010000).status()), "mode");
}

}  // namespace
}  // namespace sluice
