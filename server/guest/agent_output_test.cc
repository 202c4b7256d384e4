// With Debian's own agent, and with one that is not to be believed.

#include "server/guest/agent_output.h"

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/guest/agent_command.h"
#include "server/guest/agent_script.h"
#include "server/guest/local_agent.h"

namespace sluice {
namespace {

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
  void TearDown() override { Run("kill -9 $1", output_->holder()); }

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

TEST_F(AgentOutputTest, EndsWithTheProgram) {
  ASSERT_TRUE(output_->Fetch(false).ok());
  EXPECT_TRUE(output_->Exited().ok());
  EXPECT_EQ(Take().value_or("an error"), "");
  EXPECT_TRUE(output_->ended());
}

}  // namespace
}  // namespace sluice
