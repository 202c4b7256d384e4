#include "server/guest/json_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using nlohmann::json;

class JsonSocketTest : public testing::Test {
 protected:
  JsonSocketTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    other_ = UniqueFd(ends[0]);
    socket_ = std::make_unique<JsonSocket>(UniqueFd(ends[1]));
  }
  void Say(const std::string& text) { ASSERT_EQ(write(other_.get(), text.data(), text.size()), std::ssize(text)); }
  void SendAll(absl::string_view text) {
    while (!text.empty()) {
      pollfd fd = {.fd = other_.get(), .events = POLLOUT, .revents = 0};
      ASSERT_EQ(poll(&fd, 1, 30'000), 1);
      const ssize_t n = send(other_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n > 0) text.remove_prefix(static_cast<size_t>(n));
    }
  }
  std::string Heard() {
    std::string text(4096, '\0');
    const ssize_t n = read(other_.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
  absl::StatusOr<json> Call(absl::Duration patience = absl::Seconds(10)) {
    return socket_->Call("do", {{"a", 1}}, absl::Now() + patience);
  }

  UniqueFd other_;
  std::unique_ptr<JsonSocket> socket_;
};

TEST_F(JsonSocketTest, PassesOverWhatAnswersNoCall) {
  Say("{\"QMP\": {}}\nnot JSON\n[1]\n\xff{\"event\": \"RTC_CHANGE\"}\n{\"return\": 1}\n{\"return\": {\"b\": 2}, \"id\": 1}\n");
  const absl::StatusOr<json> answer = Call();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, json({{"b", 2}}));
  EXPECT_EQ(json::parse(Heard()), json({{"execute", "do"}, {"arguments", {{"a", 1}}}, {"id", 1}}));
}

// A guest's agent may be anything.
TEST_F(JsonSocketTest, PassesOverWhatWouldBuryTheServer) {
  std::thread other([this] {
    const std::string deep = absl::StrCat("{\"id\": 1, \"return\": ", std::string(4 << 20, '['));
    std::string wide = "{\"id\": 1, \"return\": [0";
    for (size_t i = 0; i < JsonSocket::kMaxValues; ++i) wide += ",0";
    for (const std::string& line : {deep, absl::StrCat(deep, std::string(4 << 20, ']'), "}"), absl::StrCat(wide, "]}"),
                                    std::string("{\"id\": 1, \"return\": \"[[\\\"[[[[[[[[[[[[[[[[[\"}")}) {
      SendAll(absl::StrCat(line, "\n"));
    }
  });
  const absl::StatusOr<json> answer = Call(absl::Seconds(30));
  other.join();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, "[[\"[[[[[[[[[[[[[[[[[") << "brackets in a string are text";
}

TEST_F(JsonSocketTest, SaysWhyItWasRefused) {
  Say("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}, \"id\": 1}\n");
  EXPECT_EQ(Call().status(), absl::FailedPreconditionError("no such thing"));
  for (const char* error : {"{}", "1", "{\"desc\": [1]}"}) {
    Say(absl::StrCat("{\"error\": ", error, ", \"id\": 2}\n{\"error\": ", error, ", \"id\": 3}\n{\"error\": 1, \"id\": 4}\n"));
    EXPECT_TRUE(absl::IsFailedPrecondition(Call().status()));
  }
}

TEST_F(JsonSocketTest, SaysLittleOfALongRefusal) {
  Say(absl::StrCat("{\"error\": {\"desc\": \"", std::string(2 * JsonSocket::kMaxRefusal, 'x'), "\"}, \"id\": 1}\n"));
  EXPECT_EQ(Call().status().message().size(), JsonSocket::kMaxRefusal);
}

TEST_F(JsonSocketTest, GivesUpInTime) {
  Say("{\"return\": 1, \"id\"");
  EXPECT_TRUE(absl::IsDeadlineExceeded(Call(absl::Milliseconds(20)).status()));
}

TEST_F(JsonSocketTest, NoticesThatTheOtherSideIsGone) {
  other_.reset();
  EXPECT_TRUE(absl::IsUnavailable(Call().status()));
}

TEST_F(JsonSocketTest, TakesNoLineWithoutAnEnd) {
  std::thread other([this] {
    const std::string much(1 << 20, 'x');
    while (send(other_.get(), much.data(), much.size(), MSG_NOSIGNAL) >= 0 || errno == EAGAIN) {
    }
  });
  EXPECT_TRUE(absl::IsUnavailable(Call(absl::Seconds(30)).status()));
  socket_ = nullptr;
  other.join();
}

TEST_F(JsonSocketTest, SynchronizesBehindALeftover) {
  std::thread other([this] {
    std::string heard;
    while (!absl::EndsWith(heard, "\n")) heard += Heard();
    EXPECT_EQ(heard.front(), '\xff');
    const json number = json::parse(heard.substr(1))["arguments"]["id"];
    Say(absl::StrCat("{\"error\": {}}\n{\"return\": {}}\n\xff{\"return\": ", number.dump(), "}\n"));
  });
  EXPECT_TRUE(socket_->Synchronize(absl::Now() + absl::Seconds(10)).ok());
  other.join();
}

}  // namespace
}  // namespace sluice
