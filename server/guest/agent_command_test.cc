#include "server/guest/agent_command.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

constexpr char kHostile[] = "$(reboot)'\"; reboot";

AgentTools Tools(AgentTools::User user, std::string groups = "") {
  return {.user = user,
          .user_program = "/bin/as",
          .id = {.uid = 1000, .gid = 100},
          .name = "jo",
          .groups = std::move(groups),
          .home = "/home/jo",
          .terminal = AgentTools::Terminal::kScript,
          .terminal_program = "/usr/bin/script"};
}

TEST(AgentCommandTest, RunsAProgramAsItIs) {
  EXPECT_THAT(AgentCommand({.args = {"prog", "x"}}, {}), ElementsAre("prog", "x"));
  EXPECT_THAT(AgentCommand({.args = {"prog", "x"}, .env = {{"A", "b"}}}, {}),
              ElementsAre("env", "--", "A=b", "prog", "x"));
}

TEST(AgentCommandTest, ChangesTheDirectoryFirst) {
  EXPECT_THAT(AgentCommand({.args = {"prog", "x"}, .working_directory = kHostile}, {}),
              ElementsAre("/bin/sh", "-c", "cd -- \"$0\" && exec \"$@\"", kHostile, "prog", "x"));
}

TEST(AgentCommandTest, GivesAUserByWhatThereIs) {
  const ExecOptions options = {.args = {"prog"}, .env = {{"A", "b"}}, .working_directory = "", .user = "1000:100"};
  using User = AgentTools::User;
  EXPECT_THAT(AgentCommand(options, Tools(User::kAgent)), ElementsAre("env", "--", "A=b", "HOME=/home/jo", "prog"));
  EXPECT_THAT(AgentCommand(options, Tools(User::kSetpriv)),
              ElementsAre("/bin/as", "--reuid", "1000", "--regid", "100", "--clear-groups", "--", "env", "--", "A=b",
                          "HOME=/home/jo", "prog"));
  EXPECT_THAT(AgentCommand(options, Tools(User::kChroot)),
              ElementsAre("/bin/as", "--userspec=1000:100", "--groups=", "--skip-chdir", "/", "env", "--", "A=b",
                          "HOME=/home/jo", "prog"));
  EXPECT_THAT(AgentCommand(options, Tools(User::kSu)),
              ElementsAre("/bin/as", "-s", "/bin/sh", "-c", "exec \"$0\" \"$@\"", "--", "jo", "env", "--", "A=b",
                          "HOME=/home/jo", "prog"));
}

TEST(AgentCommandTest, GivesTheGroupsOfAUserByName) {
  const ExecOptions options = {.args = {"prog"}, .env = {}, .working_directory = "", .user = "jo"};
  EXPECT_THAT(AgentCommand(options, Tools(AgentTools::User::kSetpriv, "100,27")),
              AllOf(Contains("--groups"), Contains("100,27"), Not(Contains("--clear-groups"))));
  EXPECT_THAT(AgentCommand(options, Tools(AgentTools::User::kChroot, "100,27")), Contains("--groups=100,27"));
}

TEST(AgentCommandTest, TheCallersEnvironmentWins) {
  ExecOptions options = {.args = {"prog"}, .env = {}, .working_directory = "", .user = "jo", .terminal = TerminalSize()};
  EXPECT_THAT(AgentCommand(options, Tools(AgentTools::User::kAgent)),
              ElementsAre("env", "--", "HOME=/home/jo", "TERM=xterm", "prog"));
  options.env = {{"HOME", "/"}, {"TERM", "vt100"}};
  EXPECT_THAT(AgentCommand(options, Tools(AgentTools::User::kAgent)),
              ElementsAre("env", "--", "HOME=/", "TERM=vt100", "prog"));
}

TEST(AgentCommandTest, AProgramIsNoVariable) {
  const ExecOptions options = {.args = {"a=b", "x"}, .env = {}, .working_directory = "", .user = "jo"};
  EXPECT_THAT(AgentCommand(options, Tools(AgentTools::User::kAgent)),
              ElementsAre("env", "--", "HOME=/home/jo", "/bin/sh", "-c", "exec \"$0\" \"$@\"", "a=b", "x"));
}

// Two of them are shells' texts, the same whatever runs.
TEST(AgentCommandTest, NothingOfTheCallersIsInAText) {
  const auto command = TerminalCommand(7, {.columns = 132, .rows = 43}, Tools(AgentTools::User::kSetpriv), {"prog", kHostile});
  const auto other = TerminalCommand(7, {.columns = 132, .rows = 43}, Tools(AgentTools::User::kSetpriv), {"other"});
  ASSERT_EQ(command.size(), 13u);
  EXPECT_THAT(std::vector<std::string>(command.begin(), command.begin() + 11), testing::ElementsAreArray(other.begin(), other.begin() + 11));
  EXPECT_THAT(std::vector<std::string>(command.begin() + 4, command.begin() + 7), ElementsAre("7", "script", "/usr/bin/script"));
  EXPECT_THAT(std::vector<std::string>(command.begin() + 8, command.end()), ElementsAre("43", "132", "1000", "prog", kHostile));
  EXPECT_THAT(ResizeCommand({.pid = 8, .tty = kHostile}, {.columns = 100, .rows = 50}),
              ElementsAre("stty", "-F", kHostile, "rows", "50", "cols", "100"));
  const auto program = ProgramCommand(4, 5, 6, {"prog", kHostile});
  const auto other_program = ProgramCommand(4, 5, 6, {"other"});
  ASSERT_EQ(program.size(), 9u);
  EXPECT_THAT(std::vector<std::string>(program.begin(), program.begin() + 7), testing::ElementsAreArray(other_program.begin(), other_program.begin() + 7));
  EXPECT_THAT(std::vector<std::string>(program.begin() + 4, program.end()), ElementsAre("4", "5", "6", "prog", kHostile));
}

// 0 would be the group of the agent.
TEST(AgentCommandTest, KillsNoneThatIsNot) {
  const auto command = KillCommand({0, 7, 0, 8});
  EXPECT_THAT(std::vector<std::string>(command.begin() + 4, command.end()), ElementsAre("7", "8"));
}

TEST(AgentCommandTest, BelievesNoSessionThatCouldNotBe) {
  TerminalSession session;
  EXPECT_TRUE(TerminalSession::Parse("123 /dev/pts/4", session));
  EXPECT_EQ(session.pid, 123);
  EXPECT_EQ(session.tty, "/dev/pts/4");
  for (const char* line : {"", "123", "1 /dev/pts/4", "0 /dev/pts/4", "-5 /dev/pts/4", "99999999999 /dev/pts/4",
                           "123 not a tty", "script: no such thing"}) {
    EXPECT_FALSE(TerminalSession::Parse(line, session)) << line;
  }
}

}  // namespace
}  // namespace sluice
