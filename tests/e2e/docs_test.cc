// The documents' own commands, as a reader pastes them.

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr size_t kMaxDocument = 1 << 20;  // bytes

// The ```sh blocks of a document, in order.
std::vector<std::string> BlocksOf(const std::string& document) {
  const absl::StatusOr<std::string> text = ReadFile(Runfile(document), kMaxDocument);
  EXPECT_TRUE(text.ok()) << text.status();
  std::vector<std::string> blocks;
  bool inside = false;
  for (const absl::string_view line : absl::StrSplit(text.value_or(""), '\n')) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      absl::StrAppend(&blocks.back(), line, "\n");
    } else if (line == "```sh") {
      inside = true;
      blocks.emplace_back();
    }
  }
  return blocks;
}

class DocsTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    std::string pattern = "/var/tmp/sluice-docs.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    // Guests that run as nobody have their root below it.
    ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  }
  void TearDown() override {
    fs::remove_all(directory_);
    E2eTest::TearDown();
  }

  // Runs a script on the lab's host, in a directory of its own, and with the mounts
  // that the server has: it makes network namespaces for it.
  lab::CommandResult RunScript(const std::string& script) {
    const std::string binary = Runfile("clients/cli/sluice");
    const auto result = lab::RunCommand(
        {"nsenter", absl::StrCat("--net=", lab().NetnsPath(lab::Ns::kHost)), "env",
         absl::StrCat("PATH=", binary.substr(0, binary.rfind('/')), ":/usr/sbin:/usr/bin:/sbin:/bin"),
         absl::StrCat("SLUICE_SERVER=", server().unix_address()), "bash", "-c",
         absl::StrCat("cd ", directory_, "\n", script)},
        kCallTimeout);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  }

  std::string directory_;
};

TEST_F(DocsTest, TheGuestsOfTheDocumentRun) {
  const std::vector<std::string> blocks = BlocksOf("docs/guests.md");
  EXPECT_GE(blocks.size(), 5u);
  std::string out;
  for (const std::string& block : blocks) {
    const lab::CommandResult result = RunScript(absl::StrCat("set -e\n", block));
    EXPECT_EQ(result.exit_code, 0) << block << result.err;
    absl::StrAppend(&out, result.out);
  }
  EXPECT_THAT(out, HasSubstr("\nhello\n"));
  EXPECT_THAT(out, HasSubstr("10.0.2.15/24"));
  EXPECT_THAT(out, HasSubstr("24 80"));
  // They clean up after themselves.
  EXPECT_THAT(RunScript("sluice list").err, HasSubstr("no sandboxes"));
}

TEST_F(DocsTest, ThePagesSecondBlockRuns) {
  const std::vector<std::string> blocks = BlocksOf("README.md");
  ASSERT_GE(blocks.size(), 2u);
  std::string script = blocks[1];
  for (const auto& [path, ours] : std::vector<std::pair<std::string, std::string>>{
           {"/var/lib/sluice", absl::StrCat(directory_, "/state")},
           {"/run/sluice.sock", absl::StrCat(directory_, "/sock")},
           {"bazel-bin/server/sluiced", absl::StrCat(Runfile("server/sluiced"), " --netsvc=", Runfile("netsvc/worker/sluice-netsvc"))},
           {"$PWD/bazel-bin/clients/cli/sluice", Runfile("clients/cli/sluice")},
           // Where the lab's host has a service of its own.
           {"8080:80", "18080:80"},
           // Nobody sits there to press a key.
           {"sluice exec -it web ", "echo 'echo in the shell' | sluice exec -it web "},
           {"sluice audit -f web", "sluice audit web; echo audit=$?; sluice get web"}}) {
    ASSERT_TRUE(absl::StrContains(script, path)) << path << " is not in\n" << script;
    script = absl::StrReplaceAll(script, {{path, ours}});
  }
  const lab::CommandResult result = RunScript(absl::StrCat(
      "shopt -s expand_aliases\nmkdir state\ntrap 'sluice delete web >/dev/null; kill %1; wait' EXIT\n", script));
  const std::string all = absl::StrCat(result.out, result.err);
  EXPECT_THAT(all, HasSubstr("curl: (7)"));
  EXPECT_THAT(all, HasSubstr("web\n"));
  EXPECT_THAT(all, HasSubstr("in the shell"));
  EXPECT_THAT(all, HasSubstr("audit=0"));
  EXPECT_THAT(all, HasSubstr("allow 10.0.0.0/8:443"));
  EXPECT_EQ(result.exit_code, 0) << all;
}

TEST_F(DocsTest, ThePagesThirdBlockRuns) {
  const std::vector<std::string> blocks = BlocksOf("README.md");
  ASSERT_GE(blocks.size(), 3u);
  std::string script = blocks[2];
  for (const auto& [path, ours] : std::vector<std::pair<std::string, std::string>>{
           {"tests/e2e/vm_initramfs.py", Runfile("tests/e2e/vm_initramfs.py")},
           {"tests/e2e/vm_init.sh", Runfile("tests/e2e/vm_init.sh")},
           {"/tmp/vm.initrd", absl::StrCat(directory_, "/vm.initrd")}}) {
    ASSERT_TRUE(absl::StrContains(script, path)) << path << " is not in\n" << script;
    script = absl::StrReplaceAll(script, {{path, ours}});
  }
  const lab::CommandResult result = RunScript(
      absl::StrCat("set -e\ntrap 'sluice delete vm theirs other >/dev/null; ip netns del theirs' EXIT\n", script));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Linux"));
  EXPECT_THAT(result.out, HasSubstr("10.0.2.15/24"));
  EXPECT_THAT(result.out, HasSubstr("guest.sock"));
}

}  // namespace
}  // namespace sluice::e2e
