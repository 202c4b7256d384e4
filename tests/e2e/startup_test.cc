// What sluiced says where it cannot start: one sentence, and a code that is not 0.

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/cpu_group.h"
#include "tests/e2e/server_process.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

class StartupTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/sluice-start-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::string socket() const { return absl::StrCat("unix:", directory_, "/api"); }

  // A command line that would start, were it not for `flags`. `prefix` is a
  // command that runs it.
  std::vector<std::string> Command(const std::vector<std::string>& flags,
                                   const std::vector<std::string>& prefix = {}) const {
    std::vector<std::string> command = prefix;
    command.push_back(Runfile("server/sluiced"));
    command.insert(command.end(), flags.begin(), flags.end());
    for (const auto& [flag, value] : {std::pair("--state_dir=", absl::StrCat(directory_, "/state")),
                                      std::pair("--netsvc=", Runfile("netsvc/worker/sluice-netsvc"))}) {
      const bool given = std::any_of(flags.begin(), flags.end(), [flag = flag](const std::string& other) {
        return absl::StartsWith(other, flag);
      });
      if (!given) command.push_back(absl::StrCat(flag, value));
    }
    return command;
  }

  // The one line that it says before it exits with `code`, without the log's
  // date and level.
  static std::string Complaint(const std::vector<std::string>& command, int code = kFailed) {
    const auto result = lab::RunCommand(command, absl::Seconds(30));
    if (!result.ok()) return absl::StrCat("(", result.status().message(), ")");
    EXPECT_EQ(result->exit_code, code) << result->err;
    EXPECT_EQ(result->out, "");
    std::string said = result->err;
    // A machine without cgroups is told of that ahead of all.
    for (const char* lacking : {"[warning] no egress backstop", "[warning] no CPU weights"}) {
      if (absl::StrContains(said.substr(0, said.find('\n')), lacking)) said.erase(0, said.find('\n') + 1);
    }
    const size_t mark = said.find("[error] ");
    EXPECT_NE(mark, std::string::npos) << said;
    EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
    return mark == std::string::npos ? "" : said.substr(mark + 8);
  }

  std::string directory_;
};

TEST_F(StartupTest, RefusesACommandLineThatCannotBeMeant) {
  const struct {
    std::vector<std::string> flags;
    std::string complaint;
  } kCases[] = {
      {{}, "--listen is required\n"},
      {{"--listen=here"}, "--listen=here is neither unix:PATH nor IP:PORT\n"},
      {{"--listen=127.0.0.1:0"}, "--listen=127.0.0.1:0 is TCP without TLS: add --allow_plaintext_tcp if that is meant\n"},
      {{"--listen=0.0.0.0:0", "--allow_plaintext_tcp"},
       "--listen=0.0.0.0:0 is not a loopback address: TCP without TLS is for this host alone\n"},
      {{"--listen=unix:/tmp/x", "--extra_host_cidr=10.0.0.1/8"}, "--extra_host_cidr: "},
      {{"--listen=unix:/tmp/x", "--no_such_flag"}, "--no_such_flag"},
  };
  for (const auto& test : kCases) {
    EXPECT_THAT(Complaint(Command(test.flags), kUsage), HasSubstr(test.complaint));
  }
}

TEST_F(StartupTest, SaysWhatIsMissing) {
  const std::string listen = absl::StrCat("--listen=", socket());
  EXPECT_EQ(Complaint(Command({listen, "--oci_runtime=no-such-runtime"})),
            "the OCI runtime no-such-runtime is not there: install it or name another\n");
  EXPECT_EQ(Complaint(Command({listen, "--netsvc=/nowhere/sluice-netsvc"})),
            "the worker program /nowhere/sluice-netsvc is not there; see --netsvc\n");
  EXPECT_EQ(Complaint(Command({listen, "--guest_init=/nowhere/sluice-init"})),
            "sluice-init is not at /nowhere/sluice-init\n");
  EXPECT_THAT(Complaint(Command({listen, "--resolv_conf=/nowhere/resolv.conf"})), HasSubstr("--resolv_conf=/nowhere/resolv.conf cannot be watched: "));
  const std::string floor = directory_ + "/floor.yaml";
  ASSERT_TRUE(WriteFile(floor, "rules:\n- action: ACTION_DENY\n  peers: [{cidr: 10.0.0.1/8}]\n").ok());
  EXPECT_THAT(Complaint(Command({listen, absl::StrCat("--floor_policy=", floor)})),
              HasSubstr(absl::StrCat("--floor_policy=", floor, ": line 3: rules[0].peers[0].cidr: ")));
  EXPECT_THAT(Complaint(Command({listen, "--floor_policy=/nowhere/floor.yaml"})), HasSubstr("--floor_policy=/nowhere/floor.yaml: "));
  EXPECT_THAT(Complaint(Command({listen}, {"unshare", "--mount", "sh", "-c",
                                           "mount -t tmpfs tmpfs /dev/net && exec \"$0\" \"$@\""})),
              HasSubstr("open /dev/net/tun: No such file or directory: load the kernel module tun"));
}

TEST_F(StartupTest, SaysThatItMayNot) {
  const std::string listen = absl::StrCat("--listen=", socket());
  EXPECT_EQ(Complaint(Command({listen}, {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"})),
            "sluiced must run as root: it makes network namespaces\n");
  EXPECT_THAT(Complaint(Command({listen}, {"setpriv", "--bounding-set=-sys_admin"})),
              HasSubstr("this process cannot make network namespaces, which takes root: "));
}

TEST_F(StartupTest, SaysThatThereAreNoCpuWeights) {
  const auto said = [this](const std::vector<std::string>& prefix) {
    // It ends after that, for another reason.
    const auto result = lab::RunCommand(
        Command({absl::StrCat("--listen=", socket()), "--guest_init=/nowhere/sluice-init"}, prefix), absl::Seconds(30));
    return result.ok() ? result->err : std::string(result.status().message());
  };
  EXPECT_THAT(said({"unshare", "--mount", "sh", "-c", "umount --all --lazy --types cgroup,cgroup2; exec \"$@\"", "sh"}),
              HasSubstr("no CPU weights: a busy sandbox may slow others down (no cgroup file system here has the cpu controller)"));
  if (CpuGroupOf(getpid()).directory.empty()) return;
  EXPECT_THAT(said({}), Not(HasSubstr("CPU weights")));
}

TEST_F(StartupTest, SaysThatTheStateDirectoryCannotBeUsed) {
  const std::string file = directory_ + "/file";
  ASSERT_TRUE(WriteFile(file, "").ok());
  EXPECT_THAT(Complaint(Command({absl::StrCat("--listen=", socket()), absl::StrCat("--state_dir=", file)})),
              HasSubstr(absl::StrCat("the state directory ", file, " cannot be used: ")));
}

TEST_F(StartupTest, LeavesADatabaseThatIsDamaged) {
  const std::string state = directory_ + "/damaged";
  ASSERT_EQ(mkdir(state.c_str(), 0700), 0);
  const std::string database = state + "/state.db";
  const std::string damaged(8192, 'x');
  ASSERT_TRUE(WriteFile(database, damaged).ok());
  EXPECT_THAT(Complaint(Command({absl::StrCat("--listen=", socket()), absl::StrCat("--state_dir=", state)})),
              HasSubstr(absl::StrCat("the state database ", database, " is damaged (")));
  EXPECT_EQ(ReadFile(database, 1 << 20).value_or(""), damaged);
}

TEST_F(StartupTest, SaysWhereItCannotListen) {
  const std::string file = directory_ + "/file";
  ASSERT_TRUE(WriteFile(file, "").ok());
  EXPECT_EQ(Complaint(Command({absl::StrCat("--listen=unix:", file)})),
            absl::StrCat("cannot listen at ", file, ": what stands there is not a socket\n"));
  EXPECT_EQ(Complaint(Command({"--listen=unix:/nowhere/api"})),
            "cannot listen at /nowhere/api: /nowhere is not a directory\n");
  EXPECT_THAT(Complaint(Command({absl::StrCat("--listen=unix:", directory_, "/", std::string(120, 'x'))})),
              EndsWith("a socket's path has 1 to 107 bytes\n"));
}

TEST_F(StartupTest, LeavesWhatAnotherServerUses) {
  const absl::StatusOr<std::unique_ptr<lab::Process>> first =
      lab::Process::Spawn(Command({absl::StrCat("--listen=", socket()), "--listen=127.0.0.1:0", "--allow_plaintext_tcp"}),
                          {.input = "", .merge_err = false});
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::StatusOr<std::string> serving = (*first)->ReadLine(absl::Seconds(30));
  ASSERT_TRUE(serving.ok()) << serving.status();
  const std::string tcp = serving->substr(serving->find("127.0.0.1:"));
  const std::string other_state = absl::StrCat("--state_dir=", directory_, "/other");
  EXPECT_THAT(Complaint(Command({absl::StrCat("--listen=", socket())})), EndsWith("another sluiced is using it\n"));
  EXPECT_THAT(Complaint(Command({absl::StrCat("--listen=", socket()), other_state})),
              EndsWith("/api: somebody listens there already\n"));
  EXPECT_EQ(Complaint(Command({absl::StrCat("--listen=", tcp), "--allow_plaintext_tcp", other_state})),
            absl::StrCat("cannot listen at ", tcp, ": Address already in use\n"));
  ASSERT_TRUE((*first)->Signal(SIGTERM).ok());
  EXPECT_EQ((*first)->Wait(absl::Seconds(30)).value_or(-1), 0);
}

}  // namespace
}  // namespace sluice::e2e
