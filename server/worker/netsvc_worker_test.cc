// A worker that is its guest's: what it says costs the server little.

#include "server/worker/netsvc_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/base/unique_fd.h"
#include "server/worker/child_process.h"
#include "server/worker/message_socket.h"
#include "server/worker/worker_answer.h"
#include "server/worker/worker_client.h"

namespace sluice {
namespace {

using internal::v1::Request;
using internal::v1::Response;

constexpr absl::Duration kSoon = absl::Seconds(10);

class NetsvcWorkerTest : public testing::Test {
 protected:
  // Fills in what a worker answers, and says whether a descriptor is to ride on it.
  using Answer = std::function<bool(const Request&, Response&)>;

  // Answers until the server hangs up.
  void Serve(Answer answer, absl::Duration call_timeout = NetsvcWorker::kCallTimeout) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    thread_ = std::thread([socket = std::make_shared<UniqueFd>(fds[1]), answer = std::move(answer)] {
      while (true) {
        const absl::StatusOr<std::string> bytes = ReceiveMessage(socket->get(), absl::Now() + kSoon);
        Request request;
        if (!bytes.ok() || !request.ParseFromString(*bytes)) return;
        Response response;
        response.set_id(request.id());
        if (request.has_hello()) response.mutable_hello()->set_version(request.hello().version());
        const bool with_descriptor = answer(request, response);
        const int descriptor = socket->get();
        const std::span<const int> descriptors(&descriptor, with_descriptor ? 1 : 0);
        if (!SendMessage(socket->get(), response.SerializeAsString(), descriptors, absl::Now() + kSoon).ok()) return;
      }
    });
    absl::StatusOr<std::unique_ptr<WorkerClient>> client = WorkerClient::Greet(UniqueFd(fds[0]), kSoon);
    ASSERT_TRUE(client.ok()) << client.status();
    worker_ = std::make_unique<NetsvcWorker>(Process(), *std::move(client), NetsvcWorker::Groups{}, call_timeout);
  }
  void TearDown() override {
    worker_ = nullptr;
    if (thread_.joinable()) thread_.join();
  }

  // One that waits to be killed; it stands for the worker's.
  std::unique_ptr<ChildProcess> Process() {
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    absl::StatusOr<std::unique_ptr<ChildProcess>> process =
        ChildProcess::Start({.program = "/bin/sleep", .args = {"600"}, .descriptor = null, .output = null});
    EXPECT_TRUE(process.ok()) << process.status();
    pidfd_ = UniqueFd(fcntl((*process)->pidfd().get(), F_DUPFD_CLOEXEC, 0));
    return *std::move(process);
  }
  bool EndsWithin(absl::Duration timeout) const {
    pollfd fd{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    return poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) == 1;
  }

  std::unique_ptr<NetsvcWorker> worker_;
  UniqueFd pidfd_;
  std::thread thread_;
};

TEST_F(NetsvcWorkerTest, TellsOfThePortsThatAWorkerHolds) {
  Serve([](const Request& request, Response& response) {
    if (!request.has_get_port()) return false;
    if (request.get_port().index() == 3) {
      response.set_code(static_cast<int>(absl::StatusCode::kNotFound));
      return false;
    }
    response.mutable_held_port()->mutable_port()->set_host_port(request.get_port().index());
    return true;
  });
  const auto ports = worker_->GetPorts();
  ASSERT_TRUE(ports.ok()) << ports.status();
  ASSERT_EQ(ports->size(), 3u);
  EXPECT_EQ((*ports)[2].mapping.host_port(), 2u);
  EXPECT_TRUE((*ports)[2].socket.valid());
  EXPECT_FALSE(EndsWithin(absl::ZeroDuration()));
}

TEST_F(NetsvcWorkerTest, AWorkerThatHoldsPortsWithoutEndIsKilled) {
  Serve([](const Request& request, Response&) { return request.has_get_port(); });
  EXPECT_TRUE(absl::IsUnavailable(worker_->GetPorts().status()));
  EXPECT_TRUE(EndsWithin(kSoon));
}

// A server that starts waits for it. AWorkerThatHoldsPortsWithoutEnd is the fast one.
TEST_F(NetsvcWorkerTest, AWorkerThatTellsOfItsPortsSlowlyIsKilled) {
  std::atomic<size_t> asked = 0;
  const auto answer = [&asked](const Request& request, Response&) {
    if (!request.has_get_port()) return false;
    ++asked;
    absl::SleepFor(absl::Milliseconds(10));  // such a worker
    return true;
  };
  Serve(answer, /*call_timeout=*/absl::Milliseconds(500));
  EXPECT_TRUE(absl::IsUnavailable(worker_->GetPorts().status()));
  EXPECT_TRUE(EndsWithin(kSoon));
  EXPECT_LT(asked, kMaxHeldPorts / 2);
}

// What its sandbox does after that waits for it no more.
TEST_F(NetsvcWorkerTest, AWorkerThatHangsIsWaitedForOnce) {
  constexpr absl::Duration kCallTimeout = absl::Seconds(1);
  std::promise<void> test_ends;
  const auto hang = [end = test_ends.get_future().share()](const Request& request, Response&) {
    if (request.has_set_nameservers()) end.wait();
    return false;
  };
  Serve(hang, kCallTimeout);
  EXPECT_TRUE(worker_->DetachLink().ok());
  EXPECT_TRUE(absl::IsUnavailable(worker_->SetNameservers({})));
  EXPECT_TRUE(EndsWithin(kSoon));
  const absl::Time before = absl::Now();
  EXPECT_TRUE(absl::IsUnavailable(worker_->GetStats(/*top_remotes=*/0).status()));
  EXPECT_TRUE(absl::IsUnavailable(worker_->DetachLink()));
  worker_->Shutdown(v1::LifecycleEvent());
  EXPECT_LT(absl::Now() - before, kCallTimeout);
  test_ends.set_value();
}

TEST_F(NetsvcWorkerTest, StatsHaveNothingInThemThatNoWorkerSays) {
  Serve([](const Request& request, Response& response) {
    if (!request.has_get_stats()) return false;
    response.mutable_stats()->set_flows_opened(7);
    for (int i = 0; i < 1000; ++i) response.mutable_stats()->add_top_remotes();
    return false;
  });
  const auto stats = worker_->GetStats(/*top_remotes=*/5);
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->flows_opened(), 7u);
  EXPECT_EQ(stats->top_remotes_size(), 5);
}

// A policy of one rule, and as many statistics as `rules`.
class RuleStatsTest : public NetsvcWorkerTest {
 protected:
  void ServeRuleStats(int rules) {
    Serve([rules](const Request& request, Response& response) {
      for (int i = 0; request.has_get_rule_stats() && i < rules; ++i) response.mutable_rule_stats()->add_rule_stats();
      return false;
    });
    v1::NetworkPolicy policy;
    policy.add_rules()->set_action(v1::ACTION_DENY);
    const auto set = worker_->SetPolicy(policy, /*generation=*/2, /*keep_open_flows=*/false);
    ASSERT_TRUE(set.ok()) << set.status();
  }
};

TEST_F(RuleStatsTest, AreThoseOfThePolicysRules) {
  ServeRuleStats(3);  // with the preset's and the default's
  const auto stats = worker_->GetRuleStats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->rule_stats_size(), 3);
}

TEST_F(RuleStatsTest, OfMoreRulesThanThereAreAreLeftOut) {
  ServeRuleStats(10);
  const auto stats = worker_->GetRuleStats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->rule_stats_size(), 3);
  EXPECT_FALSE(EndsWithin(absl::ZeroDuration()));
}

TEST_F(RuleStatsTest, OfRulesWithoutNumberEndTheWorker) {
  ServeRuleStats(1000);
  EXPECT_TRUE(absl::IsUnavailable(worker_->GetRuleStats().status()));
  EXPECT_TRUE(EndsWithin(kSoon));
}

}  // namespace
}  // namespace sluice
