#include "clients/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    app_.add_option("--server", text_, "Where");
    app_.add_option("-o,--output", text_, "How")->option_text("table|json");
    CLI::App* exec = app_.add_subcommand("exec", "Run");
    exec->add_option("SANDBOX", text_, "Its id");
    exec->add_option("--policy", text_, "What applies")->type_name("PRESET");
    exec->add_flag("-t,--tty", flag_, "A terminal");
    CLI::App* remove = app_.add_subcommand("delete", "End");
    remove->add_option("SANDBOX", texts_, "Their ids");
    CLI::App* copy = app_.add_subcommand("cp", "Copy");
    copy->add_option("SOURCE", text_, "From");
    copy->add_option("TARGET", text_, "To");
    CLI::App* policy = app_.add_subcommand("policy", "Policies");
    policy->add_subcommand("set", "Replace")->add_option("SANDBOX", text_, "Its id");
    policy->add_subcommand("get", "Print");
    app_.add_subcommand("__complete", "")->group("");
  }

  std::vector<std::string> Texts(const std::vector<std::string>& words) {
    const auto sandboxes = [this](const std::string& server) {
      asked_ = "asked " + server;
      return std::vector<std::string>{"box", "build", "web"};
    };
    std::vector<std::string> texts;
    for (const Candidate& candidate : Complete(app_, words, sandboxes)) texts.push_back(candidate.text);
    return texts;
  }

  CLI::App app_;
  std::string text_;
  std::vector<std::string> texts_;
  bool flag_ = false;
  std::string asked_;
};

TEST_F(CompletionTest, OffersCommands) {
  EXPECT_THAT(Texts({""}), ElementsAre("exec", "delete", "cp", "policy"));
  EXPECT_THAT(Texts({"e"}), ElementsAre("exec"));
  EXPECT_THAT(Texts({"policy", ""}), ElementsAre("set", "get"));
  EXPECT_THAT(Texts({"-o", "json", "e"}), ElementsAre("exec"));
  EXPECT_THAT(Texts({"nothing", ""}), IsEmpty());
  EXPECT_EQ(Complete(app_, {"ex"}, {}).front(), (Candidate{"exec", "Run"}));
}

TEST_F(CompletionTest, OffersOptionsOfTheCommandAndOfAll) {
  EXPECT_THAT(Texts({"exec", "--"}), IsSupersetOf({"--policy", "--tty", "--server", "--output"}));
  EXPECT_THAT(Texts({"delete", "--"}), Not(Contains("--policy")));
  EXPECT_THAT(Texts({"exec", "--po"}), ElementsAre("--policy"));
}

TEST_F(CompletionTest, OffersTheWordsOfAnOption) {
  EXPECT_THAT(Texts({"exec", "--policy", "public"}), ElementsAre("public_only"));
  EXPECT_THAT(Texts({"exec", "-o", ""}), ElementsAre("table", "json"));
  EXPECT_THAT(Texts({"exec", "--server", ""}), IsEmpty());
}

TEST_F(CompletionTest, OffersSandboxes) {
  EXPECT_THAT(Texts({"exec", ""}), ElementsAre("box", "build", "web"));
  EXPECT_THAT(Texts({"exec", "-t", "b"}), ElementsAre("box", "build"));
  EXPECT_EQ(asked_, "asked ");
  EXPECT_THAT(Texts({"--server", "unix:/x", "exec", "w"}), ElementsAre("web"));
  EXPECT_EQ(asked_, "asked unix:/x");
  EXPECT_THAT(Texts({"exec", "web", ""}), IsEmpty()) << "it takes one";
  EXPECT_THAT(Texts({"delete", "web", "b"}), ElementsAre("box", "build"));
  EXPECT_THAT(Texts({"policy", "set", "w"}), ElementsAre("web"));
  EXPECT_THAT(Texts({"cp", "w"}), ElementsAre("web:/"));
  EXPECT_THAT(Texts({"cp", "web:/etc/hosts", "./"}), IsEmpty());
}

TEST_F(CompletionTest, LeavesTheGuestsCommandAlone) {
  EXPECT_THAT(Texts({"exec", "web", "--", "e"}), IsEmpty());
  EXPECT_THAT(Texts({}), IsEmpty());
}

TEST(CompletionScriptTest, KnowsThreeShells) {
  for (const char* shell : {"bash", "zsh", "fish"}) EXPECT_NE(CompletionScript(shell), "") << shell;
  EXPECT_EQ(CompletionScript("csh"), "");
}

}  // namespace
}  // namespace sluice::cli
