// `sluice cp` between here and a real guest.

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CpTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    id_ = CreateOci("preset: PRESET_NONE");
    std::string pattern = testing::TempDir() + "/cp.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    here_ = pattern;
  }
  void TearDown() override {
    fs::remove_all(here_);
    E2eTest::TearDown();
  }

  lab::CommandResult Cp(const std::string& source, const std::string& target, const std::string& input = "") {
    const auto result = lab::RunCommand(
        {Runfile("clients/cli/sluice"), "--server", server().unix_address(), "cp", source, target}, absl::Seconds(60), input);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  }
  std::string There(const std::string& path) const { return absl::StrCat(id_, ":", path); }
  std::string Here(const std::string& path) const { return absl::StrCat(here_, "/", path); }
  // A guest's program, which succeeds, and what it prints.
  std::string Shell(const std::string& script) {
    const ExecResult result = Run(id_, {"sh", "-c", script});
    EXPECT_EQ(result.code, 0) << script << ": " << result.err;
    return result.out;
  }

  std::string id_;
  std::string here_;
};

TEST_F(CpTest, ATreeGoesInAndComesOutAgain) {
  fs::create_directories(Here("tree/sub/deep"));
  ASSERT_TRUE(WriteFile(Here("tree/program"), "#!/bin/sh\necho ran\n", 0755).ok());
  fs::permissions(Here("tree/program"), fs::perms(0751));
  ASSERT_TRUE(WriteFile(Here("tree/sub/deep/data"), std::string(3 << 20, 'x')).ok());
  fs::create_symlink("/etc/passwd", Here("tree/sub/link"));
  const lab::CommandResult in = Cp(Here("tree"), There("/tmp"));
  EXPECT_EQ(in.exit_code, 0) << in.err;
  EXPECT_THAT(in.err, HasSubstr("tree/sub/link: it is a symbolic link"));
  EXPECT_EQ(Shell("/tmp/tree/program; stat -c %a:%u /tmp/tree/program; find /tmp/tree -type l; ls /tmp/tree/sub"),
            "ran\n751:65534\ndeep\n");

  Shell("ln -s ../program /tmp/tree/sub/link; mkfifo /tmp/tree/pipe; chmod 700 /tmp/tree/sub");
  const lab::CommandResult out = Cp(There("/tmp/tree"), Here("copy"));
  EXPECT_EQ(out.exit_code, 0) << out.err;
  EXPECT_THAT(out.err, HasSubstr("/tmp/tree/pipe: it is neither a file nor a directory"));
  EXPECT_EQ(fs::file_size(Here("copy/sub/deep/data")), 3u << 20);
  EXPECT_EQ(fs::read_symlink(Here("copy/sub/link")), "../program");
  EXPECT_EQ(fs::status(Here("copy/program")).permissions(), fs::perms(0751));
  EXPECT_EQ(fs::status(Here("copy/sub")).permissions(), fs::perms(0700));
  EXPECT_FALSE(fs::exists(Here("copy/pipe")));
}

TEST_F(CpTest, StreamsAreFilesToo) {
  EXPECT_EQ(Cp("-", There("/tmp/in"), "from standard input").exit_code, 0);
  EXPECT_EQ(Shell("cat /tmp/in"), "from standard input");
  EXPECT_EQ(Cp(There("/tmp/in"), "-").out, "from standard input");
}

TEST_F(CpTest, ANameAloneIsInTheWorkingDirectory) {
  Shell("mkdir /tmp/d; echo one >/tmp/d/one");
  const auto cp_here = [this](const std::string& source, const std::string& target) {
    const auto result = lab::RunCommand({"env", "-C", here_, fs::absolute(Runfile("clients/cli/sluice")), "--server",
                                         server().unix_address(), "cp", source, target},
                                        absl::Seconds(60), "");
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result.ok() ? result->err : "", "");
    return result.ok() ? result->exit_code : -1;
  };
  EXPECT_EQ(cp_here(There("/tmp/d/one"), "one"), 0);
  EXPECT_EQ(ReadFile(Here("one"), 100).value_or(""), "one\n");
  EXPECT_EQ(cp_here(There("/tmp/d/one"), "one"), 0) << "and in its place";
  EXPECT_EQ(cp_here(There("/tmp/d/one"), "./two"), 0);
  EXPECT_EQ(cp_here(There("/tmp/d"), "tree"), 0);
  EXPECT_EQ(ReadFile(Here("tree/one"), 100).value_or(""), "one\n");
  EXPECT_EQ(cp_here("two", There("/tmp/two")), 0);
  EXPECT_EQ(Shell("cat /tmp/two"), "one\n");
}

TEST_F(CpTest, LinksOfTheGuestStayInTheGuest) {
  // They lead to the guest's files here, and to nothing of ours there.
  Shell("mkdir /tmp/d; echo guest >/tmp/secret; ln -s /tmp/secret /tmp/d/link; ln -s /tmp/secret /tmp/top");
  ASSERT_TRUE(WriteFile("/tmp/secret", "host").ok());
  EXPECT_EQ(Cp(There("/tmp/top"), "-").out, "guest\n");
  EXPECT_EQ(Cp(There("/tmp/d"), Here("d")).exit_code, 0);
  EXPECT_TRUE(fs::is_symlink(Here("d/link")));
  // What goes in by a link's path stays in the guest too.
  ASSERT_TRUE(WriteFile(Here("file"), "new").ok());
  Shell("ln -s /tmp/d /tmp/to-d");
  EXPECT_EQ(Cp(Here("file"), There("/tmp/to-d")).exit_code, 0);
  EXPECT_EQ(Shell("cat /tmp/d/file"), "new");
  EXPECT_EQ(ReadFile("/tmp/secret", 100).value_or(""), "host");
  fs::remove("/tmp/secret");
}

TEST_F(CpTest, SaysWhatIsWrong) {
  EXPECT_THAT(Cp(There("/tmp/nothing"), "-").err, HasSubstr("cannot copy /tmp/nothing: "));
  EXPECT_THAT(Cp("-", There("/etc/new"), "x").err, HasSubstr("cannot copy standard input: "));
  EXPECT_THAT(Cp("nobody:/etc/hosts", "-").err, HasSubstr("there is no sandbox nobody"));
  EXPECT_EQ(Cp(There("/tmp/nothing"), Here("x")).exit_code, 1);
  EXPECT_FALSE(fs::exists(Here("x")));
}

TEST_F(CpTest, ADiskThatIsFullLeavesNothing) {
  // /run is 64 MiB; root's, so by a sandbox of root's.
  id_ = Create(absl::StrCat("guest { oci { user: '0' rootfs: '", BusyboxRoot(), "' } } network { policy { preset: PRESET_NONE } }"));
  ASSERT_TRUE(WriteFile(Here("big"), "").ok());
  fs::resize_file(Here("big"), 100 << 20);
  const lab::CommandResult result = Cp(Here("big"), There("/run/big"));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("the guest's disk has no room"));
  EXPECT_EQ(Shell("ls -A /run | grep -v sluice-init | wc -l"), "0\n");
  EXPECT_EQ(Cp(There("/etc/hostname"), "-").exit_code, 0) << "and the guest goes on";
}

}  // namespace
}  // namespace sluice::e2e
