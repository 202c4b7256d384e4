// With Debian's own agent.

#include "server/guest/agent_process.h"

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/guest/agent_command.h"
#include "server/guest/agent_script.h"
#include "server/guest/local_agent.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(30);

// Processes of one that has one thread; those that ended and nobody asked for are none.
int ChildrenOf(const std::string& pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/task/", pid, "/children"));
  int count = 0;
  for (std::string child; file >> child;) ++count;
  return count;
}

// Whether a child of the agent is the guard of a program.
bool IsGuarded(const std::string& agent) {
  const std::string text = GuardCommand(0, {}, kGuardStep)[2];
  std::ifstream children(absl::StrCat("/proc/", agent, "/task/", agent, "/children"));
  for (std::string child; children >> child;) {
    std::ifstream file(absl::StrCat("/proc/", child, "/cmdline"));
    const std::string words((std::istreambuf_iterator<char>(file)), {});
    if (words.find(text) != words.npos) return true;
  }
  return false;
}

// A program, and what was read of it.
class Program {
 public:
  Program(IoThread& io, const LocalAgent& local, ExecOptions options, absl::Duration unattended = kTimeout) {
    auto process = AgentProcess::Start(
        io, {.agent = local.agent(), .program = std::move(options), .tools = {}, .timeout = kTimeout, .unattended = unattended},
        [this] { ended_.set_value(); });
    EXPECT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
  }
  ~Program() {
    if (process_ != nullptr) Leave();
  }
  // The caller goes; returns when nothing of the program is left.
  void Leave() {
    process_ = nullptr;
    EXPECT_EQ(ended_.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  }

  AgentProcess& process() { return *process_; }
  // Reads on; false at the end.
  bool ReadOne() {
    std::promise<ProcessEvent> next;
    process_->Next([&next](ProcessEvent event) { next.set_value(std::move(event)); });
    const ProcessEvent event = next.get_future().get();
    EXPECT_LE(event.data.size(), GuestProcess::kMaxChunk);
    (event.kind == ProcessEvent::Kind::kStdout ? out : err) += event.data;
    exit = event.exit;
    return event.kind != ProcessEvent::Kind::kExit;
  }
  // Of its stdout.
  std::string Line() {
    size_t end;
    while ((end = out.find('\n')) == out.npos) {
      if (!ReadOne()) return absl::StrCat("it ended with ", exit.code);
    }
    const std::string line = out.substr(0, end);
    out.erase(0, end + 1);
    return line;
  }
  // "CODE/SIGNAL".
  std::string Exit() {
    while (ReadOne()) {
    }
    return absl::StrCat(exit.code, "/", exit.signal);
  }
  std::future<void> BeginWrite(std::string data) {
    auto taken = std::make_shared<std::promise<void>>();
    process_->WriteStdin(std::move(data), [taken] { taken->set_value(); });
    return taken->get_future();
  }
  void Write(const std::string& data) { BeginWrite(data).wait(); }

  std::string out;
  std::string err;
  ProcessExit exit;

 private:
  std::promise<void> ended_;
  std::unique_ptr<AgentProcess> process_;
};

class AgentProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status status = local_.Start();
    ASSERT_TRUE(status.ok()) << status;
    agent_pid_ = Run("echo -n $PPID");
    files_ = Files();
  }
  // Nothing of a program is left in the guest: neither processes nor files of the agent.
  void TearDown() override {
    if (local_.agent()->closed()) return;
    EXPECT_EQ(Run("for child in $(cat /proc/$PPID/task/*/children); do [ $child = $$ ] || tr '\\0' ' ' </proc/$child/cmdline; done"), "");
    EXPECT_EQ(Files(), files_);
  }

  std::unique_ptr<Program> Start(const std::string& script, const std::string& arg = "") {
    return std::make_unique<Program>(*io_, local_, ExecOptions{.args = {"sh", "-c", script, "sh", arg}, .env = {{"A", "b"}}});
  }
  bool AwaitGuard() const {
    const absl::Time deadline = absl::Now() + kTimeout;
    while (!IsGuarded(agent_pid_) && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(50));
    return IsGuarded(agent_pid_);
  }
  // What the guest's shell says of something else. Its parent is the agent.
  std::string Run(const std::string& script) {
    const auto outcome = RunToEnd(*local_.agent(), {.args = {"/bin/sh", "-c", script}}, kTimeout);
    return outcome.ok() ? outcome->out : outcome.status().ToString();
  }
  // That the agent has open, which does nothing meanwhile.
  long Files() const {
    const std::filesystem::directory_iterator files("/proc/" + agent_pid_ + "/fd");
    return std::distance(begin(files), end(files));
  }

  LocalAgent local_;
  const std::unique_ptr<IoThread> io_ = *IoThread::Start();
  std::string agent_pid_;
  long files_ = 0;
};

TEST_F(AgentProcessTest, RunsAProgram) {
  auto program = Start("echo output $A $0 $1; echo errors >&2; echo $$; exit 3", "$(reboot)'\"");
  EXPECT_EQ(program->Line(), "output b sh $(reboot)'\"");
  EXPECT_EQ(program->Line(), absl::StrCat(program->process().pid()));
  EXPECT_EQ(program->Exit(), "3/0");
  EXPECT_EQ(program->out, "");
  EXPECT_EQ(program->err, "errors\n");
}

TEST_F(AgentProcessTest, AnswersLineByLine) {
  auto program = Start("cat; echo end");
  for (const char* line : {"one", "two", "three"}) {
    program->Write(absl::StrCat(line, "\n"));
    EXPECT_EQ(program->Line(), line);
  }
  program->process().CloseStdin();
  EXPECT_EQ(program->Line(), "end");
  EXPECT_EQ(program->Exit(), "0/0");
}

TEST_F(AgentProcessTest, InputEndsAfterItsLastByte) {
  auto program = Start("md5sum");
  const std::string data(3 << 20, 'x');
  std::future<void> taken = program->BeginWrite(data);
  program->process().CloseStdin();
  EXPECT_EQ(program->Line(), "c1887f0c970afa48194adf7f5c504696  -");
  taken.wait();
  EXPECT_EQ(program->Exit(), "0/0");
}

TEST_F(AgentProcessTest, InputMayEndAtOnce) {
  auto program = Start("cat; echo end");
  program->process().CloseStdin();
  EXPECT_EQ(program->Line(), "end");
  EXPECT_EQ(program->Exit(), "0/0");
}

// 16 MiB on each stream, where neither this process nor the agent keeps many.
TEST_F(AgentProcessTest, OutputOfAnyLength) {
  constexpr size_t kBytes = 16 << 20;
  constexpr long kMayGrow = 24 << 10;  // KiB
  const auto own = [] {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto agents = [this] { return std::stol(Run("grep VmHWM /proc/$PPID/status | tr -dc 0-9")); };
  const long own_before = own(), agents_before = agents();
  auto program = Start(absl::StrCat("head -c ", kBytes, " /dev/zero >&2 & head -c ", kBytes, " /dev/zero; wait; exit 5"));
  size_t out = 0, err = 0;
  while (program->ReadOne()) {
    out += std::exchange(program->out, "").size();
    err += std::exchange(program->err, "").size();
  }
  EXPECT_EQ(out, kBytes);
  EXPECT_EQ(err, kBytes);
  EXPECT_EQ(program->exit.code, 5);
  EXPECT_LT(own() - own_before, kMayGrow);
  EXPECT_LT(agents() - agents_before, kMayGrow);
}

TEST_F(AgentProcessTest, OutputKeepsItsOrder) {
  auto program = Start("seq 1 200000");
  EXPECT_EQ(program->Exit(), "0/0");
  std::string expected;
  for (int n = 1; n <= 200000; ++n) absl::StrAppend(&expected, n, "\n");
  EXPECT_TRUE(program->out == expected) << program->out.size() << " bytes";
}

TEST_F(AgentProcessTest, OutputThatNobodyReadsStopsTheProgram) {
  constexpr size_t kBytes = 4 << 20;
  const std::string done = local_.At("done");
  auto program = Start(absl::StrCat("echo ready; head -c ", kBytes, " /dev/zero; echo >\"$1\""), done);
  EXPECT_EQ(program->Line(), "ready");
  EXPECT_EQ(Run(absl::StrCat("sleep 1; test -e ", done, " || echo not yet")), "not yet\n");
  EXPECT_EQ(program->Exit(), "0/0");
  EXPECT_EQ(program->out.size(), kBytes);
}

TEST_F(AgentProcessTest, InputThatNobodyReadsWaitsForTheEnd) {
  auto program = Start("exec sleep 1000");
  std::future<void> taken = program->BeginWrite(std::string(1 << 20, 'x'));
  EXPECT_EQ(taken.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  program->process().Signal(SIGTERM);
  EXPECT_EQ(program->Exit(), "0/15");
  taken.wait();
}

// Whoever kills what writes in the guest: the program is not told of an end.
TEST_F(AgentProcessTest, InputThatIsNotWrittenIsAnError) {
  auto program = Start("echo ready; sleep 1000");
  EXPECT_EQ(program->Line(), "ready");
  std::future<void> taken = program->BeginWrite(std::string(1 << 20, 'x'));
  const std::string kill_cat =
      "while :; do for child in $(cat /proc/$PPID/task/*/children); do\n"
      "  [ \"$(cat /proc/$child/comm)\" != cat ] || { kill -9 $child; echo killed; exit; }\n"
      "done; done 2>/dev/null";
  EXPECT_EQ(Run(kill_cat), "killed\n");
  EXPECT_EQ(program->Exit(), "255/0");
  EXPECT_THAT(program->err, HasSubstr("the guest does not write"));
  taken.wait();
}

TEST_F(AgentProcessTest, SignalsReachTheProgramsGroup) {
  auto program = Start("trap 'echo term' TERM; echo ready; sleep 1000; exit 4");
  EXPECT_EQ(program->Line(), "ready");
  program->process().Signal(SIGTERM);
  EXPECT_EQ(program->Line(), "term");
  EXPECT_EQ(program->Exit(), "4/0");
}

TEST_F(AgentProcessTest, TellsTheSignalThatEndedIt) {
  auto program = Start("echo ready; exec sleep 1000");
  EXPECT_EQ(program->Line(), "ready");
  program->process().Signal(SIGKILL);
  EXPECT_EQ(program->Exit(), "0/9");
}

TEST_F(AgentProcessTest, ACallerThatGoesKillsItsGroup) {
  auto program = Start("trap '' TERM HUP; sleep 1000 & echo $!; wait");
  const pid_t child = std::stoi(program->Line());
  const pid_t pid = program->process().pid();
  EXPECT_EQ(kill(child, 0), 0);
  program->Leave();
  EXPECT_NE(kill(pid, 0), 0);
  EXPECT_EQ(Run(absl::StrCat("n=0; while [ $n -lt 100 ] && kill -0 ", child, "; do n=$((n + 1)); sleep 0.1; done; echo $((n < 100))")), "1\n");
}

// As in a container: its output is not waited for, and ends where the program did.
TEST_F(AgentProcessTest, AChildMayOutliveIt) {
  auto program = Start("sleep 1000 & echo $!; echo errors >&2; exit 6");
  const pid_t child = std::stoi(program->Line());
  EXPECT_EQ(program->Exit(), "6/0");
  EXPECT_EQ(program->out, "");
  EXPECT_EQ(program->err, "errors\n");
  EXPECT_EQ(kill(child, SIGKILL), 0);
}

TEST_F(AgentProcessTest, AChildThatPrintsOnDoesNotHoldItUp) {
  auto program = Start("(while :; do echo more; done) & echo $!; head -c 100000 /dev/zero; exit 6");
  const pid_t child = std::stoi(program->Line());
  EXPECT_EQ(program->Exit(), "6/0");
  EXPECT_GE(program->out.size(), 100000u);
  kill(child, SIGKILL);
}

TEST_F(AgentProcessTest, AProgramMayCloseItsOutput) {
  auto program = Start("exec >&- 2>&-; sleep 0.5; exit 8");
  EXPECT_EQ(program->Exit(), "8/0");
}

TEST_F(AgentProcessTest, EndsAsInAShellWhereThereIsNoSuchProgram) {
  Program program(*io_, local_, {.args = {"no-such-program"}});
  EXPECT_EQ(program.Exit(), "127/0");
  EXPECT_THAT(program.err, HasSubstr("no-such-program"));
}

TEST_F(AgentProcessTest, TenAtOnce) {
  std::vector<std::unique_ptr<Program>> programs;
  for (int n = 0; n < 10; ++n) programs.push_back(Start("cat; exit $1", absl::StrCat(n)));
  for (auto& program : programs) program->Write("hello\n");
  for (auto& program : programs) EXPECT_EQ(program->Line(), "hello");
  for (int n = 0; n < 10; ++n) {
    programs[n]->process().CloseStdin();
    EXPECT_EQ(programs[n]->Exit(), absl::StrCat(n, "/0"));
  }
}

// For all that the guest sees of it, a server that has ended is one that asks no more.
TEST_F(AgentProcessTest, AServerThatEndsLeavesNothing) {
  Program program(*io_, local_, {.args = {"sh", "-c", "trap '' TERM HUP; sleep 1000 & echo $!; wait"}}, 2 * kGuardStep);
  const pid_t child = std::stoi(program.Line());
  const pid_t pid = program.process().pid();
  EXPECT_EQ(kill(child, 0), 0);
  ASSERT_TRUE(AwaitGuard());
  local_.agent()->Close();
  EXPECT_EQ(program.Exit(), "255/0");
  const absl::Time deadline = absl::Now() + kTimeout;
  while (ChildrenOf(agent_pid_) > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(ChildrenOf(agent_pid_), 0);
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(AgentProcessTest, OneThatRunsForLongIsNotKilled) {
  Program program(*io_, local_, {.args = {"sh", "-c", "sleep 13; exit 9"}}, 2 * kGuardStep);
  EXPECT_EQ(program.Exit(), "9/0");
}

TEST_F(AgentProcessTest, ACallerMayPauseForLongAfterTheEnd) {
  Program program(*io_, local_, {.args = {"sh", "-c", "echo ready; read -r line; head -c 50000 /dev/zero; exit 9"}},
                  2 * kGuardStep);
  EXPECT_EQ(program.Line(), "ready");
  ASSERT_TRUE(AwaitGuard());
  program.Write("\n");
  EXPECT_EQ(Run("sleep 17"), "") << "longer than a guard waits, and for its last step";
  EXPECT_EQ(program.Exit(), "9/0");
  EXPECT_EQ(program.out.size(), 50000u);
}

// What runs it is the agent's own environment.
TEST_F(AgentProcessTest, APathOfTheCallersIsTheProgramsOnly) {
  const std::string leads =
      "read -r stat </proc/$$/stat; set -- $stat\necho $PATH; [ $5 = $$ ] && echo leads its group";
  Program program(*io_, local_, {.args = {"/bin/sh", "-c", leads}, .env = {{"PATH", "/opt/app"}}});
  EXPECT_EQ(program.Line(), "/opt/app");
  EXPECT_EQ(program.Line(), "leads its group");
  EXPECT_EQ(program.Exit(), "0/0");
}

TEST_F(AgentProcessTest, EndsWithItsGuest) {
  auto program = Start("echo ready; sleep 2");
  EXPECT_EQ(program->Line(), "ready");
  local_.agent()->Close();
  EXPECT_EQ(program->Exit(), "255/0");
  EXPECT_EQ(program->err, "the guest has ended\n");
}

}  // namespace
}  // namespace sluice
