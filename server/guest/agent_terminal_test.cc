// With Debian's own agent, script, setpriv, chroot and python3, and busybox's su.

#include "server/guest/agent_process.h"

#include <signal.h>
#include <sys/mount.h>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "server/guest/agent_command.h"
#include "server/guest/agent_script.h"
#include "server/guest/local_agent.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr absl::Duration kPollPeriod = absl::Milliseconds(20);

class AgentToolsTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status status = local_.Start();
    ASSERT_TRUE(status.ok()) << status;
  }
  void TearDown() override {
    for (const std::string& path : hidden_) umount2(path.c_str(), MNT_DETACH);
  }

  // The guest does not have it any more.
  void Hide(const std::string& path) {
    ASSERT_EQ(mount("/dev/null", path.c_str(), nullptr, MS_BIND, nullptr), 0) << path;
    hidden_.push_back(path);
  }
  GuestAgent& agent() { return *local_.agent(); }
  absl::StatusOr<AgentTools> Find(const ExecOptions& options) { return FindTools(agent(), options, kTimeout); }
  static ExecOptions AsUser(std::string user) {
    return {.args = {"sh", "-c", "echo $(id -u) $(id -g) $(id -G) $HOME $A"}, .env = {{"A", "b c"}}, .working_directory = "", .user = std::move(user)};
  }
  // What `options` print, as the user and in the directory that they name.
  std::string Run(const ExecOptions& options, const AgentTools& tools) {
    const auto outcome = RunToEnd(agent(), {.args = AgentCommand(options, tools)}, kTimeout);
    return outcome.ok() ? absl::StrCat(outcome->out, outcome->err) : outcome.status().ToString();
  }
  std::string Run(const ExecOptions& options) {
    const auto tools = Find(options);
    return tools.ok() ? Run(options, *tools) : tools.status().ToString();
  }

  LocalAgent local_;
  std::vector<std::string> hidden_;
};

TEST_F(AgentToolsTest, RunsAProgramAsAUser) {
  EXPECT_EQ(Run(AsUser("nobody")), "65534 65534 65534 /nonexistent b c\n");
  EXPECT_EQ(Run(AsUser("12345")), "12345 12345 12345 / b c\n");
  EXPECT_EQ(Run(AsUser("12345:54321")), "12345 54321 54321 / b c\n");
  EXPECT_EQ(Run(AsUser("0")), "0 0 0 /root b c\n");
  EXPECT_EQ(Run({.args = {"id", "-u"}}), "0\n");
}

TEST_F(AgentToolsTest, TakesWhatThereIs) {
  EXPECT_EQ(Find(AsUser("nobody"))->user, AgentTools::User::kSetpriv);
  Hide("/usr/bin/setpriv");
  EXPECT_EQ(Find(AsUser("nobody"))->user, AgentTools::User::kChroot);
  EXPECT_EQ(Run(AsUser("nobody")), "65534 65534 65534 /nonexistent b c\n");
  EXPECT_EQ(Run(AsUser("12345:54321")), "12345 54321 54321 / b c\n");
  Hide("/usr/sbin/chroot");
  EXPECT_EQ(Find(AsUser("nobody"))->user, AgentTools::User::kSu);
  EXPECT_EQ(Run(AsUser("nobody")), "65534 65534 65534 /nonexistent b c\n");
  const absl::Status status = Find(AsUser("12345")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << "su takes a name: " << status;
  EXPECT_EQ(status.message(), "a user takes setpriv (util-linux), chroot (coreutils) or su in the guest, of which none gives it");
  EXPECT_EQ(Run(AsUser("0")), "0 0 0 /root b c\n") << "the agent's own needs none";
}

TEST_F(AgentToolsTest, BusyboxGivesAUser) {
  AgentTools tools = *Find(AsUser("nobody"));
  Hide("/usr/bin/su");
  ASSERT_EQ(mount("/bin/busybox", "/usr/bin/su", nullptr, MS_BIND, nullptr), 0);
  hidden_.push_back("/usr/bin/su");
  tools.user = AgentTools::User::kSu;
  tools.user_program = "/usr/bin/su";
  EXPECT_EQ(Run(AsUser("nobody"), tools), "65534 65534 65534 /nonexistent b c\n");
}

TEST_F(AgentToolsTest, SaysWhatTheGuestDoesNotHave) {
  for (const char* user : {"no-such-user", "4294967295", "-u", "+1", "root:root", "1000:", "1000:users", "no\nbody"}) {
    const absl::Status status = Find(AsUser(user)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << user << status;
    EXPECT_EQ(FieldOf(status), "user") << status;
  }
  EXPECT_EQ(Run({.args = {"pwd"}, .env = {}, .working_directory = "/usr"}), "/usr\n");
  const absl::Status status = Find({.args = {"pwd"}, .env = {}, .working_directory = "/nowhere"}).status();
  EXPECT_EQ(FieldOf(status), "working_directory") << status;
}

TEST_F(AgentToolsTest, SaysWhatATerminalTakes) {
  ExecOptions options = {.args = {"true"}};
  options.terminal = TerminalSize();
  EXPECT_EQ(Find(options)->terminal, AgentTools::Terminal::kScript);
  Hide("/usr/bin/script");
  EXPECT_EQ(Find(options)->terminal, AgentTools::Terminal::kPython);
  Hide("/usr/bin/python3");
  const absl::Status status = Find(options).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(status.message(), "a terminal takes script (util-linux) or python3 in the guest, which it does not have");
}

// A program at a terminal of each kind.
class AgentTerminalTest : public AgentToolsTest, public testing::WithParamInterface<AgentTools::Terminal> {
 protected:
  void Start(const std::string& script, TerminalSize size = {}, const std::string& user = "") {
    ExecOptions options = {.args = {"sh", "-c", script}, .env = {{"A", "b"}}, .working_directory = "/tmp", .user = user};
    options.terminal = size;
    auto tools = Find(options);
    ASSERT_TRUE(tools.ok()) << tools.status();
    tools->terminal = GetParam();
    tools->terminal_program = GetParam() == AgentTools::Terminal::kScript ? "/usr/bin/script" : "/usr/bin/python3";
    ended_ = std::promise<void>();
    auto process = AgentProcess::Start(
        *io_, {.agent = local_.agent(), .program = options, .tools = *tools, .timeout = kTimeout}, [this] { ended_.set_value(); });
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    shown_.clear();
  }
  void TearDown() override {
    if (process_ != nullptr) Leave();
    AgentToolsTest::TearDown();
  }
  // The caller goes; returns when nothing of the program is left.
  void Leave() {
    process_ = nullptr;
    EXPECT_EQ(ended_.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  }

  // Reads on; false at the end.
  bool ReadOne() {
    std::promise<ProcessEvent> next;
    process_->Next([&next](ProcessEvent event) { next.set_value(std::move(event)); });
    ProcessEvent event = next.get_future().get();
    EXPECT_LE(event.data.size(), GuestProcess::kMaxChunk);
    shown_ += event.data;
    exit_ = event.exit;
    return event.kind != ProcessEvent::Kind::kExit;
  }
  std::string Line() {
    size_t end;
    while ((end = shown_.find('\n')) == shown_.npos) {
      if (!ReadOne()) return absl::StrCat("it ended with ", exit_.code);
    }
    const std::string line = absl::StrReplaceAll(shown_.substr(0, end), {{"\r", ""}});
    shown_.erase(0, end + 1);
    return line;
  }
  int Exit() {
    while (ReadOne()) {
    }
    return exit_.code;
  }
  void Type(const std::string& keys) {
    std::promise<void> taken;
    process_->WriteStdin(keys, [&taken] { taken.set_value(); });
    taken.get_future().wait();
  }

  const std::unique_ptr<IoThread> io_ = *IoThread::Start();
  std::unique_ptr<AgentProcess> process_;
  std::promise<void> ended_;
  std::string shown_;
  ProcessExit exit_;
};

INSTANTIATE_TEST_SUITE_P(All, AgentTerminalTest,
                         testing::Values(AgentTools::Terminal::kScript, AgentTools::Terminal::kPython),
                         [](const auto& tested) {
                           return std::string(tested.param == AgentTools::Terminal::kScript ? "Script" : "Python");
                         });

TEST_P(AgentTerminalTest, IsATerminalOfTheSizeThatWasAskedFor) {
  Start("test -t 0 && stty size && echo $TERM $A && pwd && echo $$ && set | grep -c ^SLUICE; exit 7", {.columns = 132, .rows = 43});
  EXPECT_EQ(Line(), "43 132");
  EXPECT_EQ(Line(), "xterm b");
  EXPECT_EQ(Line(), "/tmp");
  EXPECT_EQ(Line(), absl::StrCat(process_->pid()));
  EXPECT_EQ(Line(), "0");
  EXPECT_EQ(Exit(), 7);
  EXPECT_EQ(shown_, "");
}

TEST_P(AgentTerminalTest, TellsTheProgramOfAResize) {
  Start("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done");
  EXPECT_EQ(Line(), "ready");
  process_->Resize({.columns = 100, .rows = 50});
  EXPECT_EQ(Line(), "50 100");
  EXPECT_EQ(Exit(), 0);
}

TEST_P(AgentTerminalTest, KeysReachTheProgram) {
  Start("read line; echo \"got $line\"; exec sleep 1000");
  Type("hello\r");
  EXPECT_EQ(Line(), "hello") << "the terminal's echo";
  EXPECT_EQ(Line(), "got hello");
  Type("\3");
  EXPECT_EQ(Exit(), 128 + SIGINT);
}

TEST_P(AgentTerminalTest, InputThatEndsIsTyped) {
  Start("cat; exit 3");
  Type("");
  Type("half a line");
  process_->CloseStdin();
  EXPECT_EQ(Exit(), 3);
}

TEST_P(AgentTerminalTest, SignalsReachTheProgramsGroup) {
  Start("trap 'echo term' TERM; echo ready; sleep 1000; exit 4");
  EXPECT_EQ(Line(), "ready");
  process_->Signal(SIGTERM);
  EXPECT_THAT(Line(), HasSubstr("erm"));  // the shell says "Terminated" of its sleep
  EXPECT_EQ(Exit(), 4);
}

TEST_P(AgentTerminalTest, IsItsUsersOwn) {
  Start("id -u; id -g; echo mine >$(tty); true", {}, "nobody");
  EXPECT_EQ(Line(), "65534");
  EXPECT_EQ(Line(), "65534");
  EXPECT_EQ(Line(), "mine");
  EXPECT_EQ(Exit(), 0);
}

TEST_P(AgentTerminalTest, ACallerThatGoesHangsUp) {
  const std::string heard = local_.At("heard");
  Start(absl::StrCat("trap 'echo hup >", heard, "; exit' HUP; echo ready; while :; do sleep 0.1; done"));
  EXPECT_EQ(Line(), "ready");
  const pid_t pid = process_->pid();
  Leave();
  EXPECT_EQ(Run({.args = {"cat", heard}}), "hup\n");
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(AgentToolsTest, SaysWhenThereComesNoTerminal) {
  ExecOptions options = {.args = {"true"}};
  options.terminal = TerminalSize();
  auto tools = Find(options);
  ASSERT_TRUE(tools.ok()) << tools.status();
  tools->terminal_program = "/bin/false";
  AgentProgram::Options start = {.agent = local_.agent(), .program = options, .tools = *tools, .timeout = kTimeout};
  EXPECT_EQ(AgentProgram::Start(start).status(), absl::FailedPreconditionError("the guest makes no terminal"));
  // One that says nothing.
  start.tools.terminal_program = local_.At("silent");
  Run({.args = {"sh", "-c", "printf '#!/bin/sh\nexec sleep 1000\n' >$0; chmod +x $0", start.tools.terminal_program}});
  start.timeout = absl::Milliseconds(500);
  const absl::Status status = AgentProgram::Start(start).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

// It takes a while, and is the same for all.
class StubbornProgramTest : public AgentTerminalTest {};
INSTANTIATE_TEST_SUITE_P(One, StubbornProgramTest, testing::Values(AgentTools::Terminal::kScript));

TEST_P(StubbornProgramTest, IsKilled) {
  Start("trap '' HUP; echo ready; while :; do sleep 0.1; done");
  EXPECT_EQ(Line(), "ready");
  const pid_t pid = process_->pid();
  Leave();
  const absl::Time deadline = absl::Now() + kTimeout;
  while (kill(pid, 0) == 0 && absl::Now() < deadline) absl::SleepFor(kPollPeriod);
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_P(AgentTerminalTest, OutputThatNobodyReadsStaysInTheGuest) {
  constexpr size_t kBytes = 4 << 20;
  const std::string done = local_.At("done");
  Start(absl::StrCat("stty -opost; echo ready; head -c ", kBytes, " /dev/zero; echo >", done));
  EXPECT_EQ(Line(), "ready");
  EXPECT_EQ(Run({.args = {"sh", "-c", "sleep 1; test -e \"$0\" || echo not yet", done}}), "not yet\n");
  EXPECT_EQ(Exit(), 0);
  EXPECT_EQ(shown_.size(), kBytes);
}

TEST_P(AgentTerminalTest, EndsWithItsGuest) {
  Start("echo ready; sleep 1000");
  EXPECT_EQ(Line(), "ready");
  local_.agent()->Close();
  EXPECT_EQ(Exit(), 255);
  EXPECT_THAT(shown_, HasSubstr("the guest has ended"));
}

TEST_P(AgentTerminalTest, NoSuchProgramEndsAsInAShell) {
  Start("exec no-such-program");
  EXPECT_EQ(Exit(), 127);
}

}  // namespace
}  // namespace sluice
