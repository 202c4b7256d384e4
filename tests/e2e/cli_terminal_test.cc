// The command line as a person uses it: at a terminal, key by key.

#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/tmux.h"

namespace sluice::e2e {
namespace {

class CliTerminalTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    tmux_ = std::make_unique<Tmux>(Shell("bash --norc --noprofile"), 100, 30);
    tmux_->AwaitLastLine("here$");
  }
  // A shell of which `sluice` is on the PATH and speaks to the server.
  static std::string Shell(const std::string& shell) {
    const std::string binary = Runfile("clients/cli/sluice");
    return absl::StrCat("env PS1='here$ ' PATH=", binary.substr(0, binary.rfind('/')),
                        ":/usr/sbin:/usr/bin:/sbin:/bin SLUICE_SERVER=", server().unix_address(), " ", shell);
  }
  void TearDown() override {
    tmux_ = nullptr;
    E2eTest::TearDown();
  }
  Tmux& tmux() { return *tmux_; }
  // The number that the screen shows after "pid=".
  pid_t ShownPid() {
    const std::string screen = tmux().Screen();
    const size_t at = screen.find("pid=");
    pid_t pid = 0;
    EXPECT_TRUE(at != screen.npos && sscanf(screen.c_str() + at, "pid=%d", &pid) == 1) << screen;
    return pid;
  }
  // What ran has ended with a code that begins like this.
  void AwaitEnd(int code) {
    tmux().AwaitLastLine("here$");
    tmux().TypeLine("echo ended=$?");
    tmux().Await(absl::StrCat("\nended=", code));
  }
  // The terminal's settings are not raw.
  void ExpectCooked() {
    tmux().TypeLine("clear; stty -a | grep -o -e '-\\?icanon' -e '-\\?echo\\b' | tr '\\n' .");
    tmux().Await("icanon.echo.");
    EXPECT_FALSE(absl::StrContains(tmux().Screen(), "-icanon."));
  }

 private:
  std::unique_ptr<Tmux> tmux_;
};

TEST_F(CliTerminalTest, AShellInASandbox) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  tmux().TypeLine(absl::StrCat("sluice exec -it ", id, " -e PS1='guest$ '"));
  tmux().AwaitLastLine("guest$");
  tmux().TypeLine("echo $TERM; stty size; tty; hostname");
  tmux().Await("30 100");
  tmux().Await("/dev/pts/0");
  tmux().AwaitLastLine("guest$");

  // The window changes, and what runs in it is told.
  tmux().Resize(90, 20);
  tmux().TypeLine("clear; until stty size | grep '20 9[0]'; do sleep 0.1; done");
  tmux().Await("20 90");
  tmux().TypeLine("clear; sh -c \"trap 'stty size' WINCH; echo waits; while sleep 0.1; do :; done\"");
  tmux().AwaitLastLine("waits");
  tmux().Resize(70, 15);
  tmux().Await("15 70");
  tmux().Press("C-c");
  tmux().AwaitLastLine("guest$");

  // Ctrl-C is the guest's program's, not ours; Ctrl-D ends the shell.
  tmux().TypeLine("clear; echo sleeps; sleep 1000");
  tmux().AwaitLastLine("sleeps");
  tmux().Press("C-c");
  tmux().AwaitLastLine("guest$");
  tmux().TypeLine("echo code=$?");
  tmux().Await("code=130");
  tmux().Press("C-d");
  tmux().AwaitLastLine("here$");
  ExpectCooked();
}

TEST_F(CliTerminalTest, ASandboxOfItsOwn) {
  tmux().TypeLine("sluice run -it --policy none -e PS1='guest$ '");
  tmux().AwaitLastLine("guest$");
  tmux().TypeLine("exit 7");
  tmux().AwaitLastLine("here$");
  tmux().TypeLine("echo code=$?; sluice list");
  tmux().Await("code=7");
  tmux().Await("no sandboxes");
  ExpectCooked();
}

TEST_F(CliTerminalTest, TheTerminalIsAsItWasWhateverHappens) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  // A program that is not there, and one that ends by a signal.
  tmux().TypeLine(absl::StrCat("sluice exec -it ", id, " -- nope; echo code=$?"));
  tmux().Await("code=127");
  ExpectCooked();
  tmux().TypeLine(absl::StrCat("clear; sluice exec -it ", id, " -- sh -c 'kill -KILL $$'; echo code=$?"));
  tmux().Await("code=137");
  ExpectCooked();
  const std::string sleeps = absl::StrCat("clear; (echo pid=$BASHPID; exec sluice exec -it ", id,
                                          " -- sh -c 'echo at last; exec sleep 1000')");
  for (const int signal : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) {
    tmux().TypeLine(sleeps);
    tmux().Await("\nat last");
    EXPECT_EQ(kill(ShownPid(), signal), 0);
    AwaitEnd(128 + signal);
    ExpectCooked();
  }
  // The sandbox goes while its terminal is open.
  tmux().TypeLine(sleeps);
  tmux().Await("\nat last");
  ASSERT_TRUE(client().Delete(id).ok());
  AwaitEnd(1);  // 125 or 137: which end comes first is not ours to say
  ExpectCooked();
}

TEST_F(CliTerminalTest, AWindowThatIsClosedEndsTheProgram) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  tmux().TypeLine(absl::StrCat("exec sluice exec -it ", id, " -- sh -c 'trap \"echo >/tmp/hup; exit\" HUP; echo at last; sleep 1000 & wait'"));
  tmux().Await("\nat last");
  EXPECT_EQ(Run(id, {"pgrep", "-x", "sleep"}).code, 0);
  tmux().Close();
  while (Run(id, {"test", "-e", "/tmp/hup"}).code != 0 || Run(id, {"pgrep", "-x", "sleep"}).code == 0) {
  }
}

TEST_F(CliTerminalTest, TabCompletes) {
  Create("id: 'completed' guest { oci {} } network { policy { preset: PRESET_NONE } }");
  tmux().TypeLine("source <(sluice completion bash); clear");
  tmux().Type("sluice ex");
  tmux().Press("Tab");
  tmux().AwaitLastLine("here$ sluice exec");
  tmux().Type("com");
  tmux().Press("Tab");
  tmux().AwaitLastLine("here$ sluice exec completed");
  tmux().Type("--wor");
  tmux().Press("Tab");
  tmux().AwaitLastLine("here$ sluice exec completed --workdir");
  tmux().Press("C-u");
  tmux().Type("sluice cp com");
  tmux().Press("Tab");
  tmux().AwaitLastLine("here$ sluice cp completed:/");
  tmux().Type("etc/hostname /et");
  tmux().Press("Tab");
  tmux().AwaitLastLine("here$ sluice cp completed:/etc/hostname /etc/");
  tmux().Press("C-u");
  tmux().Type("sluice run --policy public");
  tmux().Press("Tab");
  tmux().AwaitLastLine("here$ sluice run --policy public_only");
  tmux().Press("C-u");
}

TEST_F(CliTerminalTest, TabCompletesInOtherShells) {
  Create("id: 'completed' guest { oci {} } network { policy { preset: PRESET_NONE } }");
  Tmux zsh(Shell("zsh -f"), 100, 30);
  zsh.TypeLine("autoload compinit; compinit -u -D; source <(sluice completion zsh); clear");
  zsh.AwaitLastLine("here$");
  zsh.Type("sluice exec com");
  zsh.Press("Tab");
  zsh.AwaitLastLine("here$ sluice exec completed");

  const auto fish = lab::RunCommand({"sh", "-c", Shell("fish --no-config -c 'sluice completion fish | source; "
                                                       "complete -C \"sluice exec com\"; complete -C \"sluice poli\"'")},
                                    Tmux::kTimeout);
  ASSERT_TRUE(fish.ok()) << fish.status();
  EXPECT_EQ(fish->out, "completed\tsandbox\npolicy\tSet, show or question a sandbox's policy\n") << fish->err;
}

TEST_F(CliTerminalTest, WhatTakesLongSaysSo) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  const std::string go = lab().Path("go");
  tmux().TypeLine(absl::StrCat("(printf x; until [ -e ", go, " ]; do sleep 0.1; done) | sluice cp - ", id, ":/tmp/slow"));
  tmux().Await("standard input... 1 B");
  EXPECT_EQ(RunOnHost({"touch", go}).exit_code, 0);
  tmux().AwaitLastLine("here$");
  EXPECT_FALSE(absl::StrContains(tmux().Screen(), "1 B")) << "it is wiped";
}

}  // namespace
}  // namespace sluice::e2e
