// cp, against a guest that may say anything.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "clients/cli/testing/cli_test_base.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

class CopyCommandTest : public CliTestBase {
 protected:
  CopyCommandTest() {
    fs::create_directories(Here("target"));
    fs::create_directories(Here("outside"));
  }
  std::string Here(const std::string& name) const { return directory_.Path(name); }
  std::string Content(const std::string& name) const { return ReadFile(Here(name), 1 << 20).value_or("none"); }
  static mode_t Mode(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  static size_t Count(const std::string& directory) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
  }

  static v1::FileInfo File(const std::string& path, v1::FileInfo::Type type, uint32_t mode = 0644,
                           const std::string& target = "") {
    v1::FileInfo file;
    file.set_path(path);
    file.set_type(type);
    file.set_mode(mode);
    file.set_link_target(target);
    return file;
  }
  void AddDirectory(const std::string& path, const std::vector<v1::FileInfo>& entries, uint32_t mode = 0755) {
    state_.files[path] = File(path, v1::FileInfo::TYPE_DIRECTORY, mode);
    state_.listings[path] = entries;
  }
  void AddFile(const std::string& path, const std::string& content, uint32_t mode = 0644) {
    state_.files[path] = File(path, v1::FileInfo::TYPE_FILE, mode);
    state_.contents[path] = content;
  }
};

TEST_F(CopyCommandTest, AFileComesOutWithItsMode) {
  AddFile("/data", "content", 04751);
  EXPECT_EQ(RunCli({"cp", "box:/data", Here("new")}).exit_code, 0);
  EXPECT_EQ(Content("new"), "content");
  EXPECT_EQ(Mode(Here("new")), 0751u) << "but for set-user-id";
  EXPECT_EQ(RunCli({"cp", "box:/data", Here("target")}).exit_code, 0);
  EXPECT_EQ(Content("target/data"), "content");
  const CliResult out = RunCli({"cp", "box:/data", "-"});
  EXPECT_EQ(out.out, "content");
  EXPECT_EQ(RunCli({"cp", "box:/data", "/dev/null"}).exit_code, 0);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(CopyCommandTest, AFileComesToWhereTheUserIs) {
  AddFile("/data", "content");
  EXPECT_EQ(RunCli({"cp", "box:/data", "came-out"}).exit_code, 0);
  EXPECT_EQ(ReadFile("came-out", 1 << 20).value_or("none"), "content");
  fs::remove("came-out");
}

TEST_F(CopyCommandTest, AFileIsWrittenWhereALinkOfTheUsersLeads) {
  AddFile("/data", "content");
  ASSERT_TRUE(WriteFile(Here("real"), "before").ok());
  fs::create_symlink(Here("real"), Here("link"));
  EXPECT_EQ(RunCli({"cp", "box:/data", Here("link")}).exit_code, 0);
  EXPECT_TRUE(fs::is_symlink(Here("link")));
  EXPECT_EQ(Content("real"), "content");
}

TEST_F(CopyCommandTest, ATreeComesOut) {
  AddDirectory("/d", {File("/d/a", v1::FileInfo::TYPE_FILE, 0600), File("/d/sub", v1::FileInfo::TYPE_DIRECTORY, 0555),
                      File("/d/link", v1::FileInfo::TYPE_SYMLINK, 0777, "../../etc"),
                      File("/d/pipe", v1::FileInfo::TYPE_OTHER)}, 0750);
  AddDirectory("/d/sub", {File("/d/sub/b", v1::FileInfo::TYPE_FILE)}, 0555);
  state_.contents = {{"/d/a", "A"}, {"/d/sub/b", "B"}};
  const CliResult result = RunCli({"cp", "box:/d", Here("copy"), "-o", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "{\"files\":2,\"bytes\":2,\"left_out\":1}\n");
  EXPECT_EQ(result.err, "sluice: left out /d/pipe: it is neither a file nor a directory\n");
  EXPECT_EQ(Content("copy/a"), "A");
  EXPECT_EQ(Content("copy/sub/b"), "B");
  EXPECT_EQ(fs::read_symlink(Here("copy/link")), "../../etc");
  EXPECT_EQ(Mode(Here("copy")), 0750u);
  EXPECT_EQ(Mode(Here("copy/a")), 0600u);
  EXPECT_EQ(Mode(Here("copy/sub")), 0555u);
  // A second time into what is there now.
  EXPECT_EQ(RunCli({"cp", "box:/d", Here("target")}).exit_code, 0);
  EXPECT_EQ(Content("target/d/sub/b"), "B");
}

TEST_F(CopyCommandTest, NoNameLeadsOut) {
  AddDirectory("/d", {File("/d/..", v1::FileInfo::TYPE_FILE), File("/d/", v1::FileInfo::TYPE_FILE),
                      File("..", v1::FileInfo::TYPE_DIRECTORY), File("/d/good", v1::FileInfo::TYPE_FILE)});
  state_.contents = {{"/d/..", "bad"}, {"/d/", "bad"}, {"/d/good", "good"}};
  const CliResult result = RunCli({"cp", "box:/d", Here("target/x")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(Content("target/x/good"), "good") << "the rest is copied";
  EXPECT_EQ(Count(Here("target")), 1u);
  EXPECT_EQ(Count(Here("target/x")), 1u);
}

TEST_F(CopyCommandTest, NoLinkOfTheGuestsIsFollowed) {
  // The same name twice: a link, and then a directory and a file behind it.
  AddDirectory("/d", {File("/d/a", v1::FileInfo::TYPE_SYMLINK, 0777, Here("outside")),
                      File("/d/a", v1::FileInfo::TYPE_DIRECTORY),
                      File("/d/b", v1::FileInfo::TYPE_SYMLINK, 0777, Here("outside/file")),
                      File("/d/b", v1::FileInfo::TYPE_FILE)});
  AddDirectory("/d/a", {File("/d/a/x", v1::FileInfo::TYPE_FILE)});
  state_.contents = {{"/d/a/x", "bad"}, {"/d/b", "b"}};
  EXPECT_EQ(RunCli({"cp", "box:/d", Here("copy")}).exit_code, 1);
  EXPECT_EQ(Count(Here("outside")), 0u);
  EXPECT_TRUE(fs::is_symlink(Here("copy/a")));
  EXPECT_FALSE(fs::is_symlink(Here("copy/b"))) << "replaced, not written through";
  EXPECT_EQ(Content("copy/b"), "b");
}

TEST_F(CopyCommandTest, AFileThatDoesNotComeWholeLeavesNothing) {
  state_.files["/d"] = File("/d", v1::FileInfo::TYPE_FILE);
  const CliResult missing = RunCli({"cp", "box:/d", Here("target/d")});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.err, "sluice: cannot copy /d: nothing at /d\n");
  EXPECT_EQ(Count(Here("target")), 0u);

  AddFile("/d", "...");  // and never ends
  CliProcess process({"cp", "box:/d", Here("target/d")}, address_);
  while (Count(Here("target")) == 0) {
  }
  process.Signal(SIGINT);
  const CliResult interrupted = process.Wait();
  EXPECT_EQ(interrupted.exit_code, 130);
  EXPECT_EQ(interrupted.err, "");
  EXPECT_EQ(Count(Here("target")), 0u);
}

TEST_F(CopyCommandTest, AFileGoesInWithItsMode) {
  ASSERT_TRUE(WriteFile(Here("file"), "content", 0640).ok());
  fs::permissions(Here("file"), fs::perms(0751));
  EXPECT_EQ(RunCli({"cp", Here("file"), "box:/srv/new"}).exit_code, 0);
  EXPECT_EQ(state_.contents["/srv/new"], "content");
  EXPECT_EQ(state_.files["/srv/new"].mode(), 0751u);
  AddDirectory("/srv/.", {});
  EXPECT_EQ(RunCli({"cp", Here("file"), "box:/srv"}).exit_code, 0);
  EXPECT_EQ(state_.contents["/srv/file"], "content");
}

TEST_F(CopyCommandTest, StandardInputGoesIn) {
  CliProcess process({"cp", "-", "box:/srv/in"}, address_);
  process.WriteInput(std::string(200'000, 'x'));
  process.CloseInput();
  EXPECT_EQ(process.Wait().exit_code, 0);
  EXPECT_EQ(state_.contents["/srv/in"], std::string(200'000, 'x'));
  AddDirectory("/srv/.", {});
  EXPECT_EQ(RunCli({"cp", "-", "box:/srv"}).exit_code, 1) << "the file has no name";
  // Input that does not come can be waited for no longer.
  CliProcess waits({"cp", "-", "box:/srv/never"}, address_);
  waits.WriteInput(std::string(200'000, 'x'));  // more than a pipe holds: it is read
  waits.Signal(SIGTERM);
  EXPECT_EQ(waits.Wait().exit_code, 143);
  EXPECT_EQ(state_.contents.count("/srv/never"), 0u);
}

TEST_F(CopyCommandTest, ATreeGoesInWithoutItsLinks) {
  fs::create_directories(Here("tree/sub"));
  ASSERT_TRUE(WriteFile(Here("tree/sub/file"), "data").ok());
  ASSERT_TRUE(WriteFile(Here("outside/secret"), "secret").ok());
  fs::create_symlink(Here("outside"), Here("tree/out"));
  const CliResult result = RunCli({"cp", Here("tree"), "box:/copy"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "sluice: left out " + Here("tree/out") + ": it is a symbolic link\n");
  EXPECT_EQ(state_.contents, (std::map<std::string, std::string>{{"/copy/sub/file", "data"}}));
  EXPECT_EQ(state_.files["/copy/sub"].mode(), 0755u);
}

TEST_F(CopyCommandTest, SaysWhatItCannotDo) {
  EXPECT_EQ(RunCli({"cp", "a", "b"}).exit_code, 2);
  EXPECT_EQ(RunCli({"cp", "box:/a", "box:/b"}).exit_code, 2);
  EXPECT_EQ(RunCli({"cp", "box:relative", "-"}).exit_code, 2);
  EXPECT_EQ(RunCli({"cp", "box:/a", "-", "-o", "json"}).exit_code, 2);
  EXPECT_EQ(RunCli({"cp", "box:/a"}).exit_code, 2);
  const CliResult missing = RunCli({"cp", Here("nothing"), "box:/x"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.err, "sluice: cannot copy " + Here("nothing") + ": open " + Here("nothing") +
                             ": No such file or directory\n");
  EXPECT_EQ(RunCli({"cp", "--server", "unix:/nonexistent.sock", "box:/a", Here("x")}).exit_code, 3);
  AddDirectory("/d", {});
  EXPECT_EQ(RunCli({"cp", "box:/d", "-"}).exit_code, 1);
  AddFile("/f", "f");
  EXPECT_EQ(RunCli({"cp", "box:/f", Here("absent/")}).exit_code, 1);
}

}  // namespace
}  // namespace sluice::cli
