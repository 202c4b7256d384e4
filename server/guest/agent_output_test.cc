// With Debian's own agent, and with one that is not to be believed.

#include "server/guest/agent_output.h"

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/guest/agent_command.h"
#include "server/guest/agent_script.h"
#include "server/guest/fake_agent.h"
#include "server/guest/local_agent.h"

namespace sluice {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr auto kStdout = ProcessEvent::Kind::kStdout;

// Whether a process is dd, and waits.
bool Reads(int64_t process) {
  std::ifstream file(absl::StrCat("/proc/", process, "/stat"));
  std::string number, name, state;
  file >> number >> name >> state;
  return name == "(dd)" && state == "S";
}

class AgentOutputTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status status = local_.Start();
    ASSERT_TRUE(status.ok()) << status;
    auto output = AgentOutput::Open(local_.agent(), kStdout);
    ASSERT_TRUE(output.ok()) << output.status();
    output_ = std::make_unique<AgentOutput>(*std::move(output));
    ASSERT_TRUE(output_->HoldOpen().ok());
  }
  void TearDown() override { Run("kill -9 $1 || :", output_->holder()); }

  void Run(const std::string& script, int64_t process) {
    const auto outcome =
        RunToEnd(*local_.agent(), {.args = {"/bin/sh", "-c", script, "sh", absl::StrCat(process)}}, kTimeout);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(outcome->exit.code, 0) << outcome->err;
  }
  absl::StatusOr<std::string> Take() {
    const absl::Time deadline = absl::Now() + kTimeout;
    absl::StatusOr<std::string> piece = output_->Take();
    while (piece.ok() && output_->fetching() && absl::Now() < deadline) piece = output_->Take();
    return piece;
  }

  LocalAgent local_;
  std::unique_ptr<AgentOutput> output_;
};

TEST_F(AgentOutputTest, AFetchWaitsForAProgramThatHasNotOpenedItsOutput) {
  ASSERT_TRUE(output_->Fetch(false).ok());
  const absl::Time deadline = absl::Now() + kTimeout;
  while (!Reads(output_->processes().back()) && output_->fetching() && absl::Now() < deadline) {
    ASSERT_TRUE(output_->Take().ok());
  }
  ASSERT_TRUE(output_->fetching()) << "it took an end for the program's";
  Run("echo late >/proc/$1/fd/0", output_->holder());
  EXPECT_EQ(Take().value_or("nothing"), "late\n");
  EXPECT_FALSE(output_->ended());
}

TEST_F(AgentOutputTest, AFetchThatIsKilledIsNoEnd) {
  ASSERT_TRUE(output_->Fetch(false).ok());
  Run("kill -9 $1", output_->processes().back());
  const absl::Status status = Take().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_FALSE(output_->ended());
}

TEST_F(AgentOutputTest, AFetchThatFindsNoPipeIsNoEnd) {
  Run("kill -9 $1", output_->holder());
  EXPECT_TRUE(output_->Exited().ok());
  ASSERT_TRUE(output_->Fetch(false).ok());
  const absl::Status status = Take().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("/proc/"));
}

TEST_F(AgentOutputTest, EndsWithTheProgram) {
  ASSERT_TRUE(output_->Fetch(false).ok());
  EXPECT_TRUE(output_->Exited().ok());
  EXPECT_EQ(Take().value_or("an error"), "");
  EXPECT_TRUE(output_->ended());
}

// What a fetch of `bytes` by an agent that exits with `code` comes to.
absl::StatusOr<std::string> Fetched(size_t bytes, int code) {
  FakeAgent fake([&](const std::string& command, const json&) -> json {
    if (command == "guest-exec") return {{"return", {{"pid", 7}}}};
    return {{"return",
             {{"exited", true},
              {"exitcode", code},
              {"out-data", absl::Base64Escape(std::string(bytes, 'x'))},
              {"err-data", absl::Base64Escape(std::string(10000, 'e'))}}}};
  });
  auto output = AgentOutput::Open(std::make_shared<GuestAgent>([&] { return fake.Connect(); }), kStdout);
  if (!output.ok()) return output.status();
  if (absl::Status status = output->Fetch(false); !status.ok()) return status;
  return output->Take();
}

TEST(AgentOutputOfAnyAgentTest, TakesNoMoreThanItAskedFor) {
  const auto all = Fetched(kPipeSize, 0);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->size(), kPipeSize);
  EXPECT_TRUE(absl::IsFailedPrecondition(Fetched(kPipeSize + 1, 0).status()));
}

TEST(AgentOutputOfAnyAgentTest, SaysLittleOfWhatFailed) {
  EXPECT_EQ(Fetched(0, 0).value_or("an error"), "");
  EXPECT_EQ(Fetched(1, 1).value_or("an error"), "x") << "dd may end so after it has read";
  const absl::Status status = Fetched(0, 1).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_LT(status.message().size(), 300u);
}

}  // namespace
}  // namespace sluice
