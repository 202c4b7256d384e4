#include "server/guest/agent_process.h"

#include <signal.h>
#include <sys/socket.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace sluice {
namespace {

using nlohmann::json;

// Stands for the agent: programs are what `answer` makes of a call.
class FakeAgent {
 public:
  using Answer = std::function<json(const std::string& command, const json& arguments)>;

  explicit FakeAgent(Answer answer) : answer_(std::move(answer)) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    own_ = UniqueFd(ends[0]);
    other_ = UniqueFd(ends[1]);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeAgent() {
    Leave();
    thread_.join();
  }
  // Says nothing more, and takes nobody in.
  void Leave() { shutdown(own_.get(), SHUT_RDWR); }
  absl::StatusOr<UniqueFd> Connect() {
    if (!other_.valid()) return absl::UnavailableError("gone");
    return std::move(other_);
  }

 private:
  void Serve() {
    std::string heard(1 << 20, '\0');
    ssize_t n;
    while ((n = recv(own_.get(), heard.data(), heard.size(), 0)) > 0) {
      const size_t start = heard[0] == '\xff' ? 1 : 0;
      const json call = json::parse(heard.substr(start, static_cast<size_t>(n) - start));
      json reply = call["execute"] == "guest-sync-delimited" ? json{{"return", call["arguments"]["id"]}}
                                                             : answer_(call["execute"], call.value("arguments", json()));
      if (call.contains("id")) reply["id"] = call["id"];
      const std::string line = absl::StrCat(reply.dump(), "\n");
      send(own_.get(), line.data(), line.size(), MSG_NOSIGNAL);
    }
  }

  const Answer answer_;
  UniqueFd own_;
  UniqueFd other_;
  std::thread thread_;
};

constexpr char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

json Ended(int code, const std::string& out, const std::string& err) {
  return {{"return", {{"exited", true}, {"exitcode", code}, {"out-data", absl::Base64Escape(out)}, {"err-data", absl::Base64Escape(err)}}}};
}

class AgentProcessTest : public testing::Test {
 protected:
  AgentProcessTest() : io_(*IoThread::Start()) {}
  ~AgentProcessTest() override {
    process_ = nullptr;
    if (agent_ != nullptr) ended_.get_future().wait();
  }

  void Start(FakeAgent::Answer answer) {
    fake_ = std::make_unique<FakeAgent>(std::move(answer));
    agent_ = std::make_shared<GuestAgent>([this] { return fake_->Connect(); });
    process_ = std::make_unique<AgentProcess>(*io_, agent_, ExecOptions{.args = {"program", "x"}, .env = {{"A", "b"}}},
                                              [this] { ended_.set_value(); });
  }
  // "out:...", "err:..." and "exit:CODE/SIGNAL" until the end.
  std::vector<std::string> Events() {
    std::vector<std::string> events;
    while (true) {
      std::promise<ProcessEvent> next;
      process_->Next([&next](ProcessEvent event) { next.set_value(std::move(event)); });
      const ProcessEvent event = next.get_future().get();
      switch (event.kind) {
        case ProcessEvent::Kind::kStdout:
          events.push_back(absl::StrCat("out:", event.data));
          break;
        case ProcessEvent::Kind::kStderr:
          events.push_back(absl::StrCat("err:", event.data));
          break;
        case ProcessEvent::Kind::kExit:
          events.push_back(absl::StrCat("exit:", event.exit.code, "/", event.exit.signal));
          return events;
      }
    }
  }
  void Write(const std::string& data) {
    std::promise<void> taken;
    process_->WriteStdin(data, [&taken] { taken.set_value(); });
    taken.get_future().wait();
  }

  const std::unique_ptr<IoThread> io_;
  std::unique_ptr<FakeAgent> fake_;
  std::shared_ptr<GuestAgent> agent_;
  std::unique_ptr<AgentProcess> process_;
  std::promise<void> ended_;
};

TEST_F(AgentProcessTest, RunsAProgramOnceItsInputIsComplete) {
  std::atomic<bool> started = false;
  json call;
  Start([&](const std::string& command, const json& arguments) -> json {
    if (command == "guest-exec-status") return Ended(3, "output", "errors");
    call = arguments;
    started = true;
    return {{"return", {{"pid", 7}}}};
  });
  Write("in");
  Write("put");
  EXPECT_FALSE(started);
  process_->CloseStdin();
  EXPECT_EQ(Events(), (std::vector<std::string>{"out:output", "err:errors", "exit:3/0"}));
  EXPECT_EQ(call, json({{"path", "program"}, {"arg", {"x"}}, {"env", {"A=b", kPath}}, {"capture-output", true},
                        {"input-data", absl::Base64Escape("input")}}));
}

TEST_F(AgentProcessTest, TellsLongOutputInChunks) {
  const std::string much(GuestProcess::kMaxChunk + 1, 'x');
  Start([&](const std::string& command, const json&) -> json {
    return command == "guest-exec" ? json{{"return", {{"pid", 7}}}} : Ended(0, much, "");
  });
  process_->CloseStdin();
  EXPECT_EQ(Events(), (std::vector<std::string>{absl::StrCat("out:", much.substr(1)), "out:x", "exit:0/0"}));
}

TEST_F(AgentProcessTest, StartsNothingWithHalfItsInput) {
  std::atomic<bool> started = false;
  Start([&](const std::string&, const json&) -> json {
    started = true;
    return {{"return", {{"pid", 7}}}};
  });
  for (size_t sent = 0; sent <= AgentProcess::kMaxInput; sent += 1 << 20) Write(std::string(1 << 20, 'x'));
  process_->CloseStdin();
  EXPECT_EQ(Events(), (std::vector<std::string>{
                          "err:the program was not started: a guest's agent takes 4194304 bytes of input\n", "exit:255/0"}));
  EXPECT_FALSE(started);
}

TEST_F(AgentProcessTest, SaysThatOutputIsMissing) {
  Start([&](const std::string& command, const json&) -> json {
    if (command == "guest-exec") return {{"return", {{"pid", 7}}}};
    json ended = Ended(0, "begin", "");
    ended["return"]["out-truncated"] = true;
    return ended;
  });
  process_->CloseStdin();
  EXPECT_EQ(Events(), (std::vector<std::string>{
                          "out:begin", "err:sluice: the guest's agent kept only the beginning of this program's output\n",
                          "exit:0/0"}));
}

TEST_F(AgentProcessTest, EndsAsInAShellWhereThereIsNoSuchProgram) {
  Start([](const std::string&, const json&) -> json {
    return {{"error", {{"desc", "Guest agent command failed, error was 'Failed to execute child process \"program\" (No such file or directory)'"}}}};
  });
  process_->CloseStdin();
  EXPECT_EQ(Events(), (std::vector<std::string>{"err:the guest has no program program\n", "exit:127/0"}));
}

TEST_F(AgentProcessTest, SendsSignalsWithTheGuestsOwnKill) {
  std::atomic<bool> killed = false;
  Start([&](const std::string& command, const json& arguments) -> json {
    if (command == "guest-exec-status") {
      if (!killed) return {{"return", {{"exited", false}}}};
      return {{"return", {{"exited", true}, {"signal", 15}}}};
    }
    if (arguments["path"] == "kill") killed = arguments["arg"] == json({"-15", "7"});
    return {{"return", {{"pid", 7}}}};
  });
  process_->CloseStdin();
  process_->Signal(SIGTERM);
  // Either before it has started, or while it runs.
  EXPECT_EQ(Events().back(), "exit:0/15");
}

TEST_F(AgentProcessTest, EndsWithItsGuest) {
  Start([](const std::string&, const json&) -> json { return {{"return", json::object()}}; });
  agent_->Close();
  EXPECT_EQ(Events(), (std::vector<std::string>{"exit:0/9"}));
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

TEST_F(AgentProcessTest, BelievesNothingOfWhatTheAgentSays) {
  for (const json& answer : {json{{"return", 7}}, json{{"return", {{"pid", "x"}}}}, json{{"return", {{"pid", -1}}}}}) {
    Start([answer](const std::string&, const json&) { return answer; });
    process_->CloseStdin();
    EXPECT_EQ(Events().back(), "exit:255/0");
    process_ = nullptr;
    ended_.get_future().wait();
    ended_ = std::promise<void>();
  }
  agent_ = nullptr;
}

}  // namespace
}  // namespace sluice
