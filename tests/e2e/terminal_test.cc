// Programs at a terminal, in a guest without a network.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {
namespace {

class TerminalTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    id_ = CreateOci("preset: PRESET_NONE");
  }

  std::unique_ptr<GuestExec> Start(const std::string& script, uint32_t columns = 0, uint32_t rows = 0) {
    v1::ExecStart start;
    start.set_sandbox_id(id_);
    for (const std::string& arg : {std::string("/bin/sh"), std::string("-c"), script}) start.add_args(arg);
    start.mutable_terminal()->set_columns(columns);
    start.mutable_terminal()->set_rows(rows);
    return std::make_unique<GuestExec>(client(), start);
  }
  // A line as the terminal shows it, without its end.
  static std::string Line(GuestExec& exec) {
    const absl::StatusOr<std::string> line = exec.ReadLine();
    return line.ok() ? absl::StrReplaceAll(*line, {{"\r", ""}}) : line.status().ToString();
  }
  bool Runs(const std::string& name) { return Run(id_, {"/usr/bin/pgrep", "-x", name}).code == 0; }

  std::string id_;
};

TEST_F(TerminalTest, IsATerminalOfTheSizeThatWasAskedFor) {
  const auto exec = Start("tty; stty size; echo $TERM; echo err >&2; exit 5", 132, 43);
  EXPECT_TRUE(absl::StartsWith(Line(*exec), "/dev/pts/"));
  EXPECT_EQ(Line(*exec), "43 132");
  EXPECT_EQ(Line(*exec), "xterm");
  const auto result = exec->Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "err\r\n");
  EXPECT_EQ(result->err, "");
  EXPECT_EQ(result->code, 5);
  EXPECT_EQ(Line(*Start("stty size")), "24 80");
  // The same program without one.
  EXPECT_EQ(Run(id_, {"tty"}).out, "not a tty\n");
}

TEST_F(TerminalTest, IsItsSessionsOwn) {
  // /dev/tty opens, and jobs are there to be controlled.
  const auto exec = Start("echo to the terminal >/dev/tty; bash -ic 'sleep 1000 & jobs; kill %1' 2>&1");
  EXPECT_EQ(Line(*exec), "to the terminal");
  const auto result = exec->Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(absl::StrContains(result->out, "no job control")) << result->out;
  EXPECT_TRUE(absl::StrContains(result->out, "sleep 1000")) << result->out;
}

TEST_F(TerminalTest, TellsTheProgramOfAResize) {
  const auto exec = Start("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done");
  EXPECT_EQ(Line(*exec), "ready");
  exec->Resize(100, 50);
  EXPECT_EQ(Line(*exec), "50 100");
  EXPECT_TRUE(exec->Wait().ok());
}

TEST_F(TerminalTest, KeysReachTheProgram) {
  const auto exec = Start("read line; echo \"got $line\"; cat; echo end");
  exec->Write("hello\r");
  EXPECT_EQ(Line(*exec), "hello") << "the terminal's echo";
  EXPECT_EQ(Line(*exec), "got hello");
  exec->Write("\4");
  EXPECT_EQ(Line(*exec), "end");
  EXPECT_TRUE(exec->Wait().ok());
}

TEST_F(TerminalTest, CtrlCEndsASleep) {
  const auto exec = Start("echo ready; exec sleep 1000");
  EXPECT_EQ(Line(*exec), "ready");
  exec->Write("\3");
  const auto result = exec->Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->code, 130);
}

TEST_F(TerminalTest, InputThatEndsIsTyped) {
  const auto exec = Start("cat; exit 3");
  exec->Write("half a line");
  exec->CloseInput();
  const auto result = exec->Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->code, 3);
}

TEST_F(TerminalTest, ACallerThatGoesHangsUp) {
  {
    const auto exec = Start("trap 'echo hup >/tmp/hup; exit' HUP; echo ready; sleep 4321 & wait");
    EXPECT_EQ(Line(*exec), "ready");
    EXPECT_TRUE(Runs("sleep"));
  }
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (Run(id_, {"cat", "/tmp/hup"}).out != "hup\n" && absl::Now() < deadline) {
  }
  EXPECT_EQ(Run(id_, {"cat", "/tmp/hup"}).out, "hup\n");
  while (Runs("sleep") && absl::Now() < deadline) {
  }
  EXPECT_FALSE(Runs("sleep")) << "the terminal's other programs go with it";
}

TEST_F(TerminalTest, OutputThatNobodyReadsStaysInTheGuest) {
  const auto exec = Start("stty -opost; head -c 64M /dev/zero; echo done >/tmp/done");
  // gRPC's own windows and the terminal are filled long before.
  EXPECT_EQ(Run(id_, {"sh", "-c", "sleep 1; test -e /tmp/done"}).code, 1);
  const auto result = exec->Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out.size(), size_t{64} << 20);
}

TEST_F(TerminalTest, ManyAtOnceLeaveNothing) {
  std::vector<std::unique_ptr<GuestExec>> programs;
  for (int i = 0; i < 10; ++i) programs.push_back(Start("read line; echo \"got $line\""));
  for (size_t i = 0; i < programs.size(); ++i) programs[i]->Write(absl::StrCat(i, "\r"));
  for (size_t i = 0; i < programs.size(); ++i) {
    EXPECT_EQ(Line(*programs[i]), absl::StrCat(i));
    EXPECT_EQ(Line(*programs[i]), absl::StrCat("got ", i));
    EXPECT_TRUE(programs[i]->Wait().ok());
  }
  programs.clear();
  EXPECT_EQ(Line(*Start("ls /dev/pts")), "0  ptmx");
  const auto missing = Start("true")->Wait();
  EXPECT_TRUE(missing.ok());
}

TEST_F(TerminalTest, SaysWhatIsWrong) {
  v1::ExecStart start;
  start.set_sandbox_id(id_);
  start.add_args("no-such-program");
  start.mutable_terminal();
  EXPECT_EQ(GuestExec(client(), start).Wait().status(),
            absl::NotFoundError("there is no program no-such-program in the guest"));
  start.mutable_terminal()->set_columns(70000);
  EXPECT_TRUE(absl::IsInvalidArgument(GuestExec(client(), start).Wait().status()));
  GuestExec exec(client(), id_, {"cat"});
  exec.Resize(80, 24);
  EXPECT_TRUE(absl::IsFailedPrecondition(exec.Wait().status()));
}

}  // namespace
}  // namespace sluice::e2e
