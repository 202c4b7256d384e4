#include "netsvc/dns/c_ares_upstream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/dns/fake_resolver.h"
#include "netsvc/dns/test_message.h"
#include "netsvc/loop/epoll_loop.h"

namespace sluice::dns {
namespace {

// c-ares keeps its own time, so silence takes real time here: little of it.
constexpr absl::Duration kTimeout = absl::Milliseconds(60);

constexpr char kAnswer[] = "NOERROR qr rd ra ? web.test A | web.test 300 A 192.0.2.1";

Bytes Web() { return TestAnswer("web.test", kTypeA).Address("web.test", "192.0.2.1").bytes(); }

FakeResolver::Script Always(Bytes answer) {
  return [answer = std::move(answer)](std::span<const uint8_t> query, bool) {
    return std::vector<Bytes>{Fitting(query, answer)};
  };
}

FakeResolver::Script Rcode(uint16_t rcode) { return Always(TestAnswer("web.test", kTypeA, rcode).bytes()); }

std::vector<Bytes> Silence(std::span<const uint8_t>, bool) { return {}; }

// Answers the question that is asked with 192.0.2.1.
std::vector<Bytes> Obliging(std::span<const uint8_t> query, bool) {
  MessageReader reader(*MessageView::Of(query));
  Question question;
  reader.NextQuestion(question);
  const std::string name = question.name.ToDomainName().ToString();
  return {Fitting(query, TestAnswer(name, question.type).Address(name, "192.0.2.1").bytes())};
}

// Truncated over UDP; over TCP `answers`, whatever is asked.
FakeResolver::Script OverTcp(std::vector<Bytes> answers) {
  return [answers = std::move(answers)](std::span<const uint8_t> query, bool tcp) {
    if (tcp) return answers;
    Bytes truncated = Fitting(query, TestAnswer("web.test", kTypeA).bytes());
    Store16(&truncated[2], Load16(&truncated[2]) | kFlagTruncated);
    return std::vector<Bytes>{truncated};
  };
}

size_t OpenDescriptors() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(open), end(open)));
}

class CAresUpstreamTest : public testing::Test {
 protected:
  FakeResolver& Server(FakeResolver::Script script) {
    servers_.push_back(std::make_unique<FakeResolver>(*loop_, std::move(script)));
    endpoints_.push_back(servers_.back()->endpoint());
    upstream_->SetServers(endpoints_);
    return *servers_.back();
  }

  // Results in the order they came, as text; the code's name for failures.
  std::unique_ptr<Upstream::Query> Ask(const std::string& name) {
    return upstream_->Ask(*DomainName::FromText(name), kTypeA, [this](auto answer) {
      results_.push_back(answer.ok() ? ToText(*answer) : absl::StatusCodeToString(answer.status().code()));
    });
  }

  void RunUntil(std::function<bool()> done) {
    const absl::Duration deadline = loop_->clock().Monotonic() + absl::Seconds(20);
    while (!done() && loop_->clock().Monotonic() < deadline) loop_->RunOnce(absl::Milliseconds(100));
  }

  std::string Result(const std::string& name = "web.test") {
    const size_t before = results_.size();
    const auto query = Ask(name);
    EXPECT_EQ(results_.size(), before) << "before Ask returned";
    RunUntil([&] { return results_.size() > before; });
    return results_.size() > before ? results_.back() : "nothing";
  }

  const std::unique_ptr<EpollLoop> loop_ = *EpollLoop::Create();
  std::unique_ptr<CAresUpstream> upstream_ =
      std::make_unique<CAresUpstream>(*loop_, CAresUpstream::Options{.query_timeout = kTimeout});
  std::vector<std::unique_ptr<FakeResolver>> servers_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::string> results_;
};

TEST_F(CAresUpstreamTest, AsksWithEdnsAndRecursionAndNoMore) {
  FakeResolver& server = Server(Always(Web()));
  EXPECT_EQ(Result(), kAnswer);
  EXPECT_EQ(ToText(server.last_query()), "NOERROR rd ? web.test A | | | OPT 1232");
}

TEST_F(CAresUpstreamTest, DeadDeadLive) {
  FakeResolver& first = Server(Silence);
  FakeResolver& second = Server(Silence);
  FakeResolver& third = Server(Always(Web()));
  EXPECT_EQ(Result(), kAnswer);
  EXPECT_EQ(first.udp_queries(), 1);
  EXPECT_EQ(second.udp_queries(), 1);
  EXPECT_EQ(third.udp_queries(), 1);
}

TEST_F(CAresUpstreamTest, AllDead) {
  Server(Silence);
  Server(Silence);
  EXPECT_EQ(Result(), "DEADLINE_EXCEEDED");
}

TEST_F(CAresUpstreamTest, NobodyListens) {
  endpoints_.push_back(FakeResolver(*loop_, Silence).endpoint());
  upstream_->SetServers(endpoints_);
  EXPECT_EQ(Result(), "UNAVAILABLE");
}

TEST_F(CAresUpstreamTest, NoServers) { EXPECT_EQ(Result(), "UNAVAILABLE"); }

TEST_F(CAresUpstreamTest, FailuresGoToTheNextServer) {
  for (const uint16_t rcode : {kServFail, kRefused, kNotImp}) {
    endpoints_.clear();
    FakeResolver& first = Server(Rcode(rcode));
    FakeResolver& second = Server(Always(Web()));
    EXPECT_EQ(Result(), kAnswer) << rcode;
    EXPECT_EQ(first.udp_queries(), 1);
    EXPECT_EQ(second.udp_queries(), 1);
  }
}

TEST_F(CAresUpstreamTest, FailsWhereAllServersDo) {
  Server(Rcode(kServFail));
  Server(Rcode(kRefused));
  EXPECT_EQ(Result(), "UNAVAILABLE");
}

TEST_F(CAresUpstreamTest, NxDomainIsAnAnswer) {
  Server(Rcode(kNxDomain));
  FakeResolver& second = Server(Always(Web()));
  EXPECT_EQ(Result(), "NXDOMAIN qr rd ra ? web.test A");
  EXPECT_EQ(second.udp_queries(), 0);
}

TEST_F(CAresUpstreamTest, TruncatedOverUdpIsAskedOverTcp) {
  FakeResolver& server = Server([](std::span<const uint8_t> query, bool tcp) {
    return OverTcp({Fitting(query, Web())})(query, tcp);
  });
  EXPECT_EQ(Result(), kAnswer);
  EXPECT_EQ(server.udp_queries(), 1);
  EXPECT_EQ(server.tcp_queries(), 1);
}

TEST_F(CAresUpstreamTest, AMegabyteSlowlyHoldsUpNobodyElse) {
  upstream_->SetQueryTimeout(absl::Seconds(1));  // the others need a while
  const Bytes message(65'535, 0xff);  // of no question
  const FakeResolver::Script slow = OverTcp(std::vector<Bytes>(16, message));
  FakeResolver& server = Server([slow](std::span<const uint8_t> query, bool tcp) {
    const bool is_web = query[kHeaderSize] == 3;
    return is_web ? slow(query, tcp) : Obliging(query, tcp);
  });
  server.Drip(2'000, absl::Milliseconds(1));
  const auto query = Ask("web.test");
  RunUntil([&] { return server.tcp_queries() > 0; });
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Result(absl::StrCat("other", i, ".test")).substr(0, 7), "NOERROR");
  }
  EXPECT_EQ(results_.size(), 40u) << "the slow one still waits";
  RunUntil([&] { return results_.size() == 41; });
  EXPECT_EQ(results_[40], "DEADLINE_EXCEEDED");
}

TEST_F(CAresUpstreamTest, GarbageOverTcpGoesToTheNextServer) {
  Server(OverTcp({Bytes{1, 2, 3}, Bytes(300, 0xff)}));
  FakeResolver& second = Server(Always(Web()));
  EXPECT_EQ(Result(), kAnswer);
  EXPECT_EQ(second.tcp_queries(), 1);
}

TEST_F(CAresUpstreamTest, ATruncatedAnswerOverTcpIsNotAskedForAgain) {
  Bytes truncated = TestAnswer("web.test", kTypeA).bytes();
  Store16(&truncated[2], Load16(&truncated[2]) | kFlagTruncated);
  FakeResolver& server = Server([truncated](std::span<const uint8_t> query, bool) {
    return std::vector<Bytes>{Fitting(query, truncated)};
  });
  EXPECT_EQ(Result(), "NOERROR qr tc rd ra ? web.test A") << "for who asked to refuse";
  EXPECT_EQ(server.tcp_queries(), 1);
}

TEST_F(CAresUpstreamTest, AnAnswerOf64KOverTcp) {
  TestAnswer big("web.test", kTypeA);
  for (int i = 0; i < 4'000; ++i) big.Address("web.test", absl::StrCat("192.0.", i / 250, ".", i % 250));
  Server([answer = big.bytes()](std::span<const uint8_t> query, bool tcp) {
    return OverTcp({Fitting(query, answer)})(query, tcp);
  });
  EXPECT_EQ(Result(), ToText(big.bytes()));
}

TEST_F(CAresUpstreamTest, LargeUdpAnswersNeedNoTcp) {
  TestAnswer answer("web.test", kTypeA);
  for (int i = 0; i < 70; ++i) answer.Address("web.test", "192.0.2.1");
  EXPECT_GT(answer.bytes().size(), 1'000u);
  FakeResolver& server = Server(Always(answer.bytes()));
  EXPECT_EQ(Result(), ToText(answer.bytes()));
  EXPECT_EQ(server.tcp_queries(), 0);
}

TEST_F(CAresUpstreamTest, WhatFitsNoQuestionIsDropped) {
  Server([](std::span<const uint8_t> query, bool) {
    Bytes wrong_id = Fitting(query, TestAnswer("web.test", kTypeA).Address("web.test", "198.51.100.9").bytes());
    Store16(wrong_id.data(), Load16(wrong_id.data()) ^ 1);
    const Bytes other = Fitting(query, TestAnswer("other.test", kTypeA).Address("other.test", "198.51.100.9").bytes());
    return std::vector<Bytes>{{1, 2, 3}, Bytes(300, 0xff), wrong_id, other, Fitting(query, Web())};
  });
  EXPECT_EQ(Result(), kAnswer);
}

TEST_F(CAresUpstreamTest, GarbageAloneIsSilence) {
  Server([](std::span<const uint8_t>, bool) { return std::vector<Bytes>{{1, 2, 3}, Bytes(300, 0xff)}; });
  FakeResolver& second = Server(Always(Web()));
  EXPECT_EQ(Result(), kAnswer);
  EXPECT_EQ(second.udp_queries(), 1);
}

TEST_F(CAresUpstreamTest, AnEchoOfTheQueryIsNoAnswer) {
  Server([](std::span<const uint8_t> query, bool) { return std::vector<Bytes>{{query.begin(), query.end()}}; });
  EXPECT_EQ(Result(), "UNAVAILABLE");
}

TEST_F(CAresUpstreamTest, ServersWithoutEdnsAreAskedWithout) {
  // Several at once, so that one channel has more than one of them.
  Server([](std::span<const uint8_t> query, bool tcp) {
    if (Load16(&query[10]) == 0) return Obliging(query, tcp);
    Bytes answer(query.begin(), query.begin() + kHeaderSize);
    Store16(&answer[2], kFlagResponse | kFormErr);
    Store16(&answer[10], 0);
    const Bytes all(query.begin(), query.end() - 11);
    answer.insert(answer.end(), all.begin() + kHeaderSize, all.end());
    return std::vector<Bytes>{answer};
  });
  std::vector<std::unique_ptr<Upstream::Query>> queries;
  for (int i = 0; i < 4; ++i) queries.push_back(Ask(absl::StrCat("h", i, ".test")));
  RunUntil([&] { return results_.size() == 4; });
  for (const std::string& result : results_) EXPECT_EQ(result.substr(0, 7), "NOERROR") << result;
  EXPECT_EQ(Result().substr(0, 7), "NOERROR");
}

TEST_F(CAresUpstreamTest, PortsAndIdsChange) {
  FakeResolver& server = Server(Obliging);
  std::vector<std::unique_ptr<Upstream::Query>> queries;
  constexpr int kQueries = 300;
  constexpr int kAtOnce = 100;  // as a socket's buffer holds
  for (int i = 0; i < kQueries; ++i) {
    queries.push_back(Ask(absl::StrCat("h", i, ".test")));
    if (queries.size() % kAtOnce == 0) RunUntil([&] { return results_.size() == queries.size(); });
  }
  EXPECT_EQ(results_.size(), static_cast<size_t>(kQueries));
  EXPECT_GE(server.source_ports().size(), static_cast<size_t>(kQueries / CAresUpstream::kQueriesPerPort));
  EXPECT_GE(server.ids().size(), static_cast<size_t>(kQueries - 10));
}

TEST_F(CAresUpstreamTest, OneAfterTheOtherAPortBearsFew) {
  FakeResolver& server = Server(Obliging);
  constexpr int kPorts = 5;
  for (int i = 0; i < kPorts * CAresUpstream::kQueriesPerPort; ++i) Result(absl::StrCat("h", i, ".test"));
  EXPECT_GE(server.source_ports().size(), static_cast<size_t>(kPorts));
}

TEST_F(CAresUpstreamTest, APortBearsNothingNewAfterItsTime) {
  FakeResolver& server = Server(Obliging);
  Result("first.test");
  const absl::Duration over = loop_->clock().Monotonic() + CAresUpstream::kPortLife;
  Result("second.test");
  EXPECT_EQ(server.source_ports().size(), 1u);
  RunUntil([&] { return loop_->clock().Monotonic() > over; });
  Result("third.test");
  EXPECT_EQ(server.source_ports().size(), 2u);
}

TEST_F(CAresUpstreamTest, IdlePortsAreClosed) {
  FakeResolver& server = Server(Obliging);
  const size_t before = OpenDescriptors();
  Result();
  EXPECT_GT(OpenDescriptors(), before);
  RunUntil([&] { return OpenDescriptors() == before; });
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(server.udp_queries(), 1);
}

TEST_F(CAresUpstreamTest, BoundsQueriesUnderWay) {
  Server(Silence);
  std::vector<std::unique_ptr<Upstream::Query>> queries;
  for (int i = 0; i < CAresUpstream::kMaxQueries + 1; ++i) queries.push_back(Ask(absl::StrCat("h", i, ".test")));
  RunUntil([&] { return !results_.empty(); });
  EXPECT_EQ(results_[0], "UNAVAILABLE");
  EXPECT_EQ(upstream_->counters().over_limit, 1u);
}

TEST_F(CAresUpstreamTest, ACancelledQueryIsNotHeardOf) {
  FakeResolver& server = Server(Obliging);
  Ask("cancelled.test").reset();
  EXPECT_EQ(Result(), kAnswer);
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_EQ(server.udp_queries(), 2);
}

TEST_F(CAresUpstreamTest, MayBeDestroyedByItsOwnCallback) {
  Server(Obliging);
  int called = 0;
  std::unique_ptr<Upstream::Query> first, second;
  const auto destroy = [&](auto) {
    ++called;
    first.reset();
    second.reset();
    upstream_.reset();
  };
  first = upstream_->Ask(*DomainName::FromText("a.test"), kTypeA, destroy);
  second = upstream_->Ask(*DomainName::FromText("b.test"), kTypeA, destroy);
  RunUntil([&] { return called > 0; });
  loop_->RunOnce(absl::ZeroDuration());
  EXPECT_EQ(called, 1);
}

TEST_F(CAresUpstreamTest, QueriesUnderWayKeepTheirServers) {
  bool hold = true;
  FakeResolver& first = Server([&](std::span<const uint8_t> query, bool tcp) {
    return std::exchange(hold, false) ? std::vector<Bytes>{} : Obliging(query, tcp);
  });
  const auto query = Ask("web.test");
  RunUntil([&] { return first.udp_queries() == 1; });
  endpoints_.clear();
  FakeResolver& second = Server(Obliging);
  RunUntil([&] { return !results_.empty(); });
  EXPECT_EQ(results_[0], kAnswer);
  EXPECT_EQ(second.udp_queries(), 0);
  Result("next.test");
  EXPECT_EQ(second.udp_queries(), 1);
}

}  // namespace
}  // namespace sluice::dns
