#include "server/guest/guest_agent.h"

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/guest/fake_agent.h"

namespace sluice {
namespace {

using nlohmann::json;

TEST(GuestAgentTest, StartsAProgramAndTellsItsOutcome) {
  json call;
  FakeAgent fake([&](const std::string& command, const json& arguments) -> json {
    if (command == "guest-exec") {
      call = arguments;
      return {{"return", {{"pid", 7}}}};
    }
    return {{"return", {{"exited", true}, {"exitcode", 3}, {"out-data", absl::Base64Escape("output")}, {"err-data", absl::Base64Escape("errors")}}}};
  });
  GuestAgent agent([&] { return fake.Connect(); });
  EXPECT_EQ(agent.Start({.args = {"program", "x"}}, "input").value_or(0), 7);
  EXPECT_EQ(call, json({{"path", "program"}, {"arg", {"x"}}, {"capture-output", true},
                        {"input-data", absl::Base64Escape("input")}}));
  const auto outcome = agent.Ask(7);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->exited);
  EXPECT_EQ(outcome->exit.code, 3);
  EXPECT_EQ(outcome->out, "output");
  EXPECT_EQ(outcome->err, "errors");
}

TEST(GuestAgentTest, SaysThatThereIsNoSuchProgram) {
  FakeAgent fake([](const std::string&, const json&) -> json {
    return {{"error", {{"desc", "Guest agent command failed, error was 'Failed to execute child process \"program\" (No such file or directory)'"}}}};
  });
  GuestAgent agent([&] { return fake.Connect(); });
  const absl::Status status = agent.Start({.args = {"program"}}, "").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_EQ(status.message(), "the guest has no program program");
}

TEST(GuestAgentTest, BelievesNothingOfWhatTheAgentSays) {
  for (const json& answer : {json{{"return", 7}}, json{{"return", {{"pid", "x"}}}}, json{{"return", {{"pid", -1}}}}}) {
    FakeAgent fake([&](const std::string&, const json&) { return answer; });
    GuestAgent agent([&] { return fake.Connect(); });
    EXPECT_TRUE(absl::IsFailedPrecondition(agent.Start({.args = {"program"}}, "").status())) << answer;
  }
}

TEST(GuestAgentTest, OneCallerAloneWaitsForAFirstAnswer) {
  std::promise<void> asked, go_on;
  GuestAgent agent([&]() -> absl::StatusOr<UniqueFd> {
    asked.set_value();
    go_on.get_future().wait();
    return absl::UnavailableError("there is none");
  });
  absl::Status first;
  std::thread waiting([&] { first = agent.Ping(); });
  asked.get_future().wait();
  EXPECT_TRUE(absl::IsFailedPrecondition(agent.Ping()));
  go_on.set_value();
  waiting.join();
  EXPECT_TRUE(absl::IsFailedPrecondition(first));
}

TEST(GuestAgentTest, OneThatAnsweredIsTakenToBeThereUntilItFails) {
  std::atomic<int> pings = 0;
  auto fake = std::make_unique<FakeAgent>([&](const std::string& command, const json&) -> json {
    if (command == "guest-ping") ++pings;
    return {{"return", json::object()}};
  });
  GuestAgent agent([&] { return fake->Connect(); });
  EXPECT_TRUE(agent.Ping().ok());
  EXPECT_TRUE(agent.Ping().ok());
  EXPECT_EQ(pings, 1);
  fake->Leave();
  EXPECT_FALSE(agent.Ask(7).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(agent.Ping()));
}

}  // namespace
}  // namespace sluice
