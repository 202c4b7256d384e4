// `sluice top` as a person sees it: in a terminal, which tmux keeps.

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A tmux of the test's own, with one session.
class Terminal {
 public:
  explicit Terminal(const std::string& socket, int columns, int rows, const std::string& command) : socket_(socket) {
    // What is on the screen when the command has ended stays to be seen.
    Tmux({"-f", "/dev/null", "new-session", "-d", "-x", absl::StrCat(columns), "-y", absl::StrCat(rows),
          absl::StrCat("exec sh -c '", command, "; echo \"ended $?\"; exec sleep 600'")});
  }
  ~Terminal() { Tmux({"kill-server"}); }

  std::string Screen() { return Tmux({"capture-pane", "-p"}); }
  void Press(const std::string& key) { Tmux({"send-keys", key}); }
  void Resize(int columns, int rows) {
    Tmux({"resize-window", "-x", absl::StrCat(columns), "-y", absl::StrCat(rows)});
  }
  // The screen, once it has all of `texts`; fails the test where it never does.
  std::string Await(const std::vector<std::string>& texts) {
    const absl::Time deadline = absl::Now() + kEventTimeout;
    std::string screen;
    while (absl::Now() < deadline) {
      screen = Screen();
      bool all = true;
      for (const std::string& text : texts) all = all && absl::StrContains(screen, text);
      if (all) return screen;
      absl::SleepFor(absl::Milliseconds(50));
    }
    ADD_FAILURE() << "the screen is\n" << screen;
    return screen;
  }

 private:
  std::string Tmux(std::vector<std::string> args) {
    args.insert(args.begin(), {"tmux", "-S", socket_});
    const auto result = lab::RunCommand(args, absl::Seconds(20));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->out : "";
  }

  const std::string socket_;
};

class TopTest : public E2eTest {
 protected:
  static std::string Command(const std::string& arguments, const std::string& address = server().unix_address()) {
    return absl::StrCat(Runfile("clients/cli/sluice"), " --server ", address, " top ", arguments);
  }
  static std::string Socket() { return absl::StrCat(server().state_dir(), "/tmux"); }
};

TEST_F(TopTest, ShowsWhoCarriesWhatAndWhatIsDenied) {
  const std::string busy = CreateOci("");
  const std::string calm = CreateOci("");
  Terminal terminal(Socket(), 120, 30, Command("-d 0.5"));
  terminal.Await({busy, calm, "2 sandboxes"});

  GuestExec upload(client(), busy, {"sh", "-c", "yes | head -c 200000000 | curl -s -T - http://93.184.216.34/upload"});
  const std::string screen = terminal.Await({"MB/s", "93.184.216.34:80"});
  EXPECT_LT(screen.find(busy), screen.find(calm)) << "who carries most stands first";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Run(busy, TcpConnect("10.1.2.3", 80)).out, "ECONNREFUSED\n");

  terminal.Resize(60, 10);
  const absl::Time deadline = absl::Now() + kEventTimeout;
  std::vector<std::string> lines;
  do {
    lines = absl::StrSplit(terminal.Screen(), '\n');
  } while (absl::StrContains(lines[0], "quits") && absl::Now() < deadline);
  EXPECT_THAT(lines[0], HasSubstr("sandboxes")) << "still drawn, for a narrower terminal";
  terminal.Resize(120, 30);
  terminal.Await({"(q quits)"});
  terminal.Press("q");
  EXPECT_THAT(terminal.Await({"ended 0"}), testing::Not(HasSubstr("SANDBOX"))) << "the screen is given back";
}

TEST_F(TopTest, GivesTheTerminalBackWhereThereIsNoServer) {
  Terminal terminal(Socket(), 100, 20, Command("-d 0.2", "unix:/nowhere/api.sock"));
  terminal.Await({"cannot reach the server", "ended 3"});
}

TEST_F(TopTest, PrintsForScripts) {
  const std::string id = CreateOci("");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Run(id, TcpConnect("10.1.2.3", 80)).out, "ECONNREFUSED\n");
  const auto once = lab::RunCommand({"sh", "-c", Command("--once -d 0.2")}, absl::Seconds(20));
  ASSERT_TRUE(once.ok()) << once.status();
  EXPECT_EQ(once->exit_code, 0) << once->err;
  EXPECT_THAT(once->out, HasSubstr(id));
  const auto object = lab::RunCommand({"sh", "-c", Command("--once -d 0.2 -o json")}, absl::Seconds(20));
  ASSERT_TRUE(object.ok()) << object.status();
  const json sandbox = json::parse(object->out)["sandboxes"][0];
  EXPECT_EQ(sandbox["id"], id);
  EXPECT_EQ(sandbox["flows_denied"], 3);
  const auto piped = lab::RunCommand({"sh", "-c", Command("")}, absl::Seconds(20));
  ASSERT_TRUE(piped.ok());
  EXPECT_EQ(piped->exit_code, 2) << "it wants a terminal";
}

}  // namespace
}  // namespace sluice::e2e
