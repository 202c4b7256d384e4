// Against Debian's own agent, which runs on this machine as it does in another.

#include "server/guest/agent_files.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/guest/file_calls.h"
#include "server/guest/local_agent.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kMaxFile = 1 << 20;

class AgentFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(local_.Start().ok());
    ASSERT_TRUE(fs::create_directory(At("files")));
    const auto call = std::make_shared<int>();
    call_ = call;
    files_ = std::make_unique<AgentFiles>(local_.agent(), call);
  }
  void TearDown() override {
    files_ = nullptr;
    umount2(At("files").c_str(), MNT_DETACH);  // where a test mounted something
  }

  std::string At(const std::string& path) const { return local_.At(path); }
  std::string File(const std::string& name) const { return At(absl::StrCat("files/", name)); }
  void Make(const std::string& name, const std::string& data) const { ASSERT_TRUE(WriteFile(File(name), data).ok()); }
  static std::string Content(const std::string& path) { return ReadFile(path, kMaxFile).value_or("<none>"); }

  absl::StatusOr<std::string> Read(const std::string& path, uint64_t offset = 0, uint64_t length = 0) const {
    return ReadWhole(*files_, path, offset, length);
  }
  absl::StatusOr<std::unique_ptr<FileWriter>> Open(const std::string& path, uint32_t mode = 0) const {
    return OpenToWrite(*files_, path, mode);
  }
  absl::Status Write(const std::string& path, const std::string& data, uint32_t mode = 0) const {
    return WriteWhole(*files_, path, data, mode);
  }
  absl::Status MakeDirectory(const std::string& path, bool parents = false, uint32_t mode = 0) const {
    return MakeOneDirectory(*files_, path, parents, mode);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    const auto entries = files_->List(At("files"));
    EXPECT_TRUE(entries.ok()) << entries.status();
    if (entries.ok()) {
      for (const v1::FileInfo& entry : *entries) names.push_back(entry.path().substr(At("files/").size()));
    }
    return names;
  }

  LocalAgent local_;
  std::unique_ptr<AgentFiles> files_;
  std::weak_ptr<const void> call_;  // that files_ is for
};

TEST_F(AgentFilesTest, ReadsWholeFilesAndParts) {
  std::string data(300'000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  Make("file", data);
  EXPECT_EQ(Read(File("file")).value_or(""), data);
  EXPECT_EQ(Read(File("file"), 299'990).value_or(""), data.substr(299'990));
  EXPECT_EQ(Read(File("file"), 5, 3).value_or(""), data.substr(5, 3));
  EXPECT_EQ(Read(File("file"), 1'000'000).value_or("none"), "");
}

TEST_F(AgentFilesTest, OpensNothingButFiles) {
  ASSERT_EQ(mkfifo(File("pipe").c_str(), 0600), 0);
  EXPECT_EQ(Read(File("pipe")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Read(At("files")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Read(File("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Write(File("pipe"), "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Write(At("files"), "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Write(At("none/file"), "x").code(), absl::StatusCode::kNotFound);
}

// The files themselves are needed to open one, and no longer.
TEST_F(AgentFilesTest, ACallLastsAsLongAsItsFile) {
  Make("file", "x");
  v1::ReadFileRequest request;
  request.set_path(File("file"));
  auto reader = files_->Read(request);
  auto writer = Open(File("other"));
  ASSERT_TRUE(reader.ok() && writer.ok());
  files_ = nullptr;
  EXPECT_FALSE(call_.expired());
  *reader = nullptr;
  EXPECT_FALSE(call_.expired());
  *writer = nullptr;
  EXPECT_TRUE(call_.expired());
}

TEST_F(AgentFilesTest, AFileAppearsWholeOrNotAtAll) {
  const std::string data(200'000, 'd');
  Make("file", "old");
  {
    const auto writer = Open(File("file"), 0751);
    ASSERT_TRUE(writer.ok()) << writer.status();
    EXPECT_TRUE((*writer)->Write(data).ok());
    EXPECT_EQ(Content(File("file")), "old");
    EXPECT_EQ((*writer)->Commit().value_or(0), data.size());
  }
  EXPECT_EQ(Content(File("file")), data);
  EXPECT_EQ(files_->Stat(File("file"))->mode(), 0751u);
  {
    const auto writer = Open(File("file"));
    ASSERT_TRUE(writer.ok()) << writer.status();
    EXPECT_TRUE((*writer)->Write("lost").ok());
  }
  EXPECT_EQ(Content(File("file")), data);
  EXPECT_THAT(Names(), ElementsAre("file"));
}

TEST_F(AgentFilesTest, ALinkIsReplacedNotFollowed) {
  Make("target", "kept");
  fs::create_directory(File("directory"));
  fs::create_symlink(File("target"), File("to_file"));
  fs::create_symlink(File("directory"), File("to_directory"));
  EXPECT_TRUE(Write(File("to_file"), "new").ok());
  EXPECT_TRUE(Write(File("to_directory"), "new").ok());
  EXPECT_EQ(Content(File("target")), "kept");
  EXPECT_EQ(files_->Stat(File("to_file"))->type(), v1::FileInfo::TYPE_FILE);
  EXPECT_EQ(files_->Stat(File("to_directory"))->type(), v1::FileInfo::TYPE_FILE);
  EXPECT_TRUE(fs::is_empty(File("directory")));
}

TEST_F(AgentFilesTest, TellsWhatThereIs) {
  Make("file", "12345");
  ASSERT_EQ(chmod(File("file").c_str(), 01640), 0);
  fs::create_symlink("some where", File("link"));
  const auto file = files_->Stat(File("file"));
  ASSERT_TRUE(file.ok()) << file.status();
  struct stat expected;
  ASSERT_EQ(stat(File("file").c_str(), &expected), 0);
  EXPECT_EQ(file->path(), File("file"));
  EXPECT_EQ(file->type(), v1::FileInfo::TYPE_FILE);
  EXPECT_EQ(file->size(), 5u);
  EXPECT_EQ(file->mode(), 01640u);
  EXPECT_EQ(file->uid(), expected.st_uid);
  EXPECT_EQ(file->gid(), expected.st_gid);
  EXPECT_EQ(file->modify_time().seconds(), expected.st_mtim.tv_sec);
  EXPECT_EQ(files_->Stat(File("link"))->type(), v1::FileInfo::TYPE_SYMLINK);
  EXPECT_EQ(files_->Stat(File("link"))->link_target(), "some where");
  EXPECT_EQ(files_->Stat(At("files"))->type(), v1::FileInfo::TYPE_DIRECTORY);
  EXPECT_EQ(files_->Stat("/dev/null")->type(), v1::FileInfo::TYPE_OTHER);
  EXPECT_EQ(files_->Stat(File("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(AgentFilesTest, ListsNamesOfAllKinds) {
  EXPECT_THAT(Names(), IsEmpty());
  for (const char* name : {"-n", "a b", "a\nb", "..c", ".d", "*", "$(touch x)"}) Make(name, name);
  fs::create_symlink("to\nthere", File("link"));
  EXPECT_THAT(Names(), ElementsAre("$(touch x)", "*", "-n", "..c", ".d", "a\nb", "a b", "link"));
  const auto entries = files_->List(absl::StrCat(At("files"), "/"));
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(entries->back().link_target(), "to\nthere");
  EXPECT_EQ(entries->front().size(), 10u);
  EXPECT_EQ(files_->List(File("*")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(files_->List(File("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(AgentFilesTest, AListingHasAnEnd) {
  for (int i = 0; i < 20'000; ++i) Make(absl::StrCat(std::string(200, 'n'), i), "");
  EXPECT_EQ(files_->List(At("files")).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(AgentFilesTest, MakesDirectories) {
  EXPECT_TRUE(MakeDirectory(File("one"), false, 01700).ok());
  EXPECT_EQ(files_->Stat(File("one"))->mode(), 01700u);
  EXPECT_EQ(MakeDirectory(File("one")).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(MakeDirectory(File("one"), true).ok());
  EXPECT_EQ(MakeDirectory(File("a/b/c")).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(MakeDirectory(File("a/b/c/"), true).ok());
  EXPECT_TRUE(fs::is_directory(File("a/b/c")));
  EXPECT_EQ(MakeDirectory("/proc/nothing").code(), absl::StatusCode::kNotFound);
}

TEST_F(AgentFilesTest, RemovesWhatItIsTold) {
  Make("file", "");
  fs::create_directories(File("tree/below"));
  fs::create_symlink(File("tree"), File("link"));
  EXPECT_EQ(files_->Remove(File("tree"), false).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(files_->Remove(File("link"), true).ok());
  EXPECT_TRUE(fs::exists(File("tree/below")));
  EXPECT_TRUE(files_->Remove(File("tree/below"), false).ok());
  EXPECT_TRUE(files_->Remove(File("tree"), true).ok());
  EXPECT_TRUE(files_->Remove(File("file"), false).ok());
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(files_->Remove(File("file"), true).code(), absl::StatusCode::kNotFound);
}

TEST_F(AgentFilesTest, RefusesWhatIsNoPath) {
  for (const char* path : {"", "relative", "/", "/tmp/..", "//"}) {
    EXPECT_EQ(files_->Remove(path, true).code(), absl::StatusCode::kInvalidArgument) << path;
  }
  EXPECT_EQ(Write(File("x/"), "").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Write(File("x"), "", 010000).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Read("relative").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(AgentFilesTest, SaysWhenTheDiskIsFull) {
  ASSERT_EQ(mount("tmpfs", At("files").c_str(), "tmpfs", 0, "size=64k"), 0) << errno;
  EXPECT_TRUE(Write(File("small"), std::string(1000, 'x')).ok());
  const absl::Status status = Write(File("large"), std::string(1 << 20, 'x'));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(Names(), ElementsAre("small"));
}

TEST_F(AgentFilesTest, SaysWhatTheGuestRefuses) {
  EXPECT_EQ(Write("/sys/kernel/file", "x").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(files_->Remove("/proc/self", false).code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace sluice
