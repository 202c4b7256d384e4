#include "netsvc/dns/tcp_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/loop/fake_loop.h"

namespace sluice::dns {
namespace {

constexpr char kMessage[] = "twelve bytes";  // the least that has a header

std::string Framed(absl::string_view message) {
  uint8_t prefix[2];
  Store16(prefix, static_cast<uint16_t>(message.size()));
  return std::string(prefix, prefix + 2) + std::string(message);
}

class TcpServerTest : public testing::Test {
 protected:
  // The guest's end of a new connection.
  UniqueFd Connect() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    const int small = 4096;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    server_.Add({}, UniqueFd(ends[0]));
    return UniqueFd(ends[1]);
  }

  void Write(const UniqueFd& guest, absl::string_view bytes) {
    EXPECT_EQ(send(guest.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    loop_.RunUntilIdle();
  }

  // All that there is to read; "EOF" at its end where the connection is closed.
  std::string Read(const UniqueFd& guest) {
    std::string all;
    char buffer[4096];
    while (true) {
      const ssize_t size = recv(guest.get(), buffer, sizeof(buffer), 0);
      if (size == 0) return all + "EOF";
      if (size < 0) return errno == ECONNRESET ? all + "RESET" : all;
      all.append(buffer, static_cast<size_t>(size));
      loop_.RunUntilIdle();
    }
  }

  bool Handle(std::span<const uint8_t> message, TcpSession::Answer answer) {
    messages_.emplace_back(message.begin(), message.end());
    if (message.size() < 12) return false;
    if (answer_at_once_) {
      answer(message);
    } else {
      answers_.push_back(std::move(answer));
    }
    return true;
  }

  void Answer(size_t index, absl::string_view text) {
    answers_[index]({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }

  FakeLoop loop_;
  bool answer_at_once_ = false;
  std::vector<std::string> messages_;
  std::vector<TcpSession::Answer> answers_;
  TcpServer server_{loop_, [this](const Asked&, std::span<const uint8_t> message, TcpSession::Answer answer) {
                      return Handle(message, std::move(answer));
                    }};
};

TEST_F(TcpServerTest, PutsMessagesTogetherByteByByte) {
  const UniqueFd guest = Connect();
  for (const char byte : Framed(kMessage) + Framed("and another one")) Write(guest, {&byte, 1});
  EXPECT_EQ(messages_, (std::vector<std::string>{kMessage, "and another one"}));
}

TEST_F(TcpServerTest, AnswersOutOfOrder) {
  const UniqueFd guest = Connect();
  Write(guest, Framed(kMessage) + Framed(kMessage));
  ASSERT_EQ(answers_.size(), 2u);
  Answer(1, "second");
  Answer(0, "first");
  EXPECT_EQ(Read(guest), Framed("second") + Framed("first"));
}

TEST_F(TcpServerTest, ClosesAtWhatIsNoMessage) {
  const UniqueFd good = Connect();
  const UniqueFd bad = Connect();
  const UniqueFd empty = Connect();
  Write(bad, Framed("short"));
  Write(empty, Framed(""));
  EXPECT_EQ(Read(bad), "EOF");
  EXPECT_EQ(Read(empty), "EOF");
  EXPECT_EQ(Read(good), "");
  EXPECT_EQ(server_.session_count(), 1u);
}

TEST_F(TcpServerTest, AnswersAGuestThatHasNothingMoreToSay) {
  const UniqueFd guest = Connect();
  Write(guest, Framed(kMessage));
  shutdown(guest.get(), SHUT_WR);
  loop_.RunUntilIdle();
  EXPECT_EQ(server_.session_count(), 1u);
  Answer(0, "late");
  loop_.RunUntilIdle();
  EXPECT_EQ(Read(guest), Framed("late") + "EOF");
  EXPECT_EQ(server_.session_count(), 0u);
}

TEST_F(TcpServerTest, AnAnswerForAClosedConnectionGoesNowhere) {
  UniqueFd guest = Connect();
  Write(guest, Framed(kMessage));
  guest.reset();
  loop_.RunUntilIdle();
  Answer(0, "late");
  loop_.RunUntilIdle();
  EXPECT_EQ(server_.session_count(), 0u);
}

TEST_F(TcpServerTest, ClosesIdleConnections) {
  answer_at_once_ = true;
  const UniqueFd guest = Connect();
  loop_.Advance(absl::Seconds(29));
  Write(guest, Framed(kMessage));
  loop_.Advance(absl::Seconds(29));
  EXPECT_EQ(Read(guest), Framed(kMessage));
  // Half a message does not keep it open.
  Write(guest, "a");
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(Read(guest), "EOF");
  EXPECT_EQ(server_.session_count(), 0u);
}

TEST_F(TcpServerTest, DoesNotCloseWhileAnAnswerIsOwed) {
  const UniqueFd guest = Connect();
  Write(guest, Framed(kMessage));
  loop_.Advance(absl::Seconds(45));
  Answer(0, "slow");
  EXPECT_EQ(Read(guest), Framed("slow"));
  loop_.Advance(absl::Seconds(31));
  EXPECT_EQ(Read(guest), "EOF");
}

TEST_F(TcpServerTest, StopsReadingFromAGuestThatDoesNotRead) {
  answer_at_once_ = true;
  const UniqueFd guest = Connect();
  const std::string message = Framed(std::string(8'000, 'x'));
  size_t sent = 0;
  for (int i = 0; i < 500; ++i) {
    const ssize_t size = send(guest.get(), message.data(), message.size(), MSG_NOSIGNAL);
    if (size != static_cast<ssize_t>(message.size())) break;
    ++sent;
    loop_.RunUntilIdle();
  }
  EXPECT_LT(sent, 500u);  // the guest's own buffer is full
  EXPECT_LE(messages_.size() * message.size(), 2 * TcpSession::kPauseReading);
  EXPECT_EQ(server_.session_count(), 1u);
  EXPECT_GE(Read(guest).size(), sent * message.size());
}

TEST_F(TcpServerTest, ClosesWhereUnsentAnswersAreTooMany) {
  const UniqueFd guest = Connect();
  for (int i = 0; i < 8; ++i) Write(guest, Framed(kMessage));
  const std::string big(60'000, 'x');
  for (size_t i = 0; i < 8; ++i) Answer(i, big);
  loop_.RunUntilIdle();
  EXPECT_EQ(server_.session_count(), 0u);
}

TEST_F(TcpServerTest, TheConnectionIdleForLongestMakesRoom) {
  std::vector<UniqueFd> guests;
  for (size_t i = 0; i < TcpServer::kMaxSessions; ++i) {
    guests.push_back(Connect());
    loop_.Advance(absl::Milliseconds(1));
  }
  Write(guests[0], Framed(kMessage));  // busy, so not idle
  guests.push_back(Connect());
  EXPECT_EQ(Read(guests[0]), "");
  EXPECT_EQ(Read(guests[1]), "EOF");
  EXPECT_EQ(server_.session_count(), TcpServer::kMaxSessions);
  EXPECT_EQ(server_.counters().evicted, 1u);
}

TEST_F(TcpServerTest, WhereNoneIsIdleTheNewOneIsRefused) {
  std::vector<UniqueFd> guests;
  for (size_t i = 0; i < TcpServer::kMaxSessions; ++i) {
    guests.push_back(Connect());
    Write(guests.back(), Framed(kMessage));
  }
  const UniqueFd late = Connect();
  EXPECT_EQ(Read(late), "EOF");
  EXPECT_EQ(server_.counters().refused, 1u);
}

}  // namespace
}  // namespace sluice::dns
