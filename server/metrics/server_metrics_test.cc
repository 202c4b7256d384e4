#include "server/metrics/server_metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"
#include "prometheus/text_serializer.h"
#include "server/metrics/metrics_listener.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

class ServerMetricsTest : public testing::Test {
 protected:
  // As Prometheus is told.
  std::string Text() const { return prometheus::TextSerializer().Serialize(metrics_->Collect()); }

  void CountSomething() {
    internal::v1::StatsResult stats;
    stats.set_flows_open(2);
    stats.set_flows_opened(5);
    stats.set_bytes_to_guest(1000);
    internal::v1::ReasonCount& denied = *stats.add_flows_denied();
    denied.set_reason(v1::Verdict::REASON_DNS_BLOCKED);
    denied.set_count(3);
    *stats.add_dns_denied() = denied;
    stats.mutable_dns_latency()->add_bounds(0.25);
    stats.mutable_dns_latency()->add_counts(1);
    stats.mutable_dns_latency()->add_counts(2);
    stats.mutable_dns_latency()->set_sum(1.5);
    totals_.Update("a", stats);
    rpcs_.Ended("/sluice.v1.SandboxService/GetSandbox", grpc::StatusCode::NOT_FOUND, absl::Milliseconds(3));
    refused_.Count(RefusedConnections::Reason::kUserLimit);
  }

  WorkerTotals totals_;
  AuditStreams streams_;
  RpcMetrics rpcs_;
  FloorPolicy floor_;
  RefusedConnections refused_;
  std::shared_ptr<ServerMetrics> metrics_ = std::make_shared<ServerMetrics>(ServerMetrics::Sources{
      [] { return std::map<v1::Sandbox::State, size_t>{{v1::Sandbox::STATE_RUNNING, 7}}; }, totals_, streams_, rpcs_, floor_,
      refused_});
};

TEST_F(ServerMetricsTest, TellsWhatWasCounted) {
  CountSomething();
  const std::string text = Text();
  for (const char* const line :
       {"sluice_sandboxes{state=\"running\"} 7\n", "sluice_sandboxes{state=\"failed\"} 0\n", "sluice_flows_open 2\n",
        "sluice_flows_opened_total 5\n", "sluice_flows_denied_total{reason=\"dns_blocked\"} 3\n",
        "sluice_flow_bytes_total{direction=\"to_guest\"} 1000\n",
        "sluice_dns_queries_total{action=\"deny\",reason=\"dns_blocked\"} 3\n",
        "sluice_dns_latency_seconds_bucket{le=\"0.25\"} 1\n", "sluice_dns_latency_seconds_bucket{le=\"+Inf\"} 3\n",
        "sluice_dns_latency_seconds_sum 1.5\n", "sluice_audit_readers 0\n",
        "sluice_connections_refused_total{reason=\"user_limit\"} 1\n",
        "sluice_connections_refused_total{reason=\"descriptors\"} 0\n",
        "sluice_floor_rules 0\n", "sluice_floor_stale 0\n", "sluice_floor_failed_reloads_total 0\n",
        "sluice_rpcs_total{method=\"sluice.v1.SandboxService/GetSandbox\",code=\"not_found\"} 1\n",
        "sluice_rpc_duration_seconds_bucket{method=\"sluice.v1.SandboxService/GetSandbox\",le=\"0.005\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(ServerMetricsTest, PromtoolFindsNothingToSay) {
  CountSomething();
  FILE* const promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  fputs(Text().c_str(), promtool);
  EXPECT_EQ(pclose(promtool), 0) << Text();
}

TEST_F(ServerMetricsTest, PromtoolWouldSayIt) {
  FILE* const promtool = popen("promtool check metrics 2>/dev/null", "w");
  ASSERT_NE(promtool, nullptr);
  fputs("# TYPE sluice_flows counter\nsluice_flows 1\n", promtool);
  EXPECT_NE(pclose(promtool), 0);
}

TEST_F(ServerMetricsTest, MethodsThatClientsMakeUpAreBounded) {
  for (size_t i = 0; i < 1000; ++i) {
    rpcs_.Ended(absl::StrCat("/made.Up/", i), grpc::StatusCode::UNIMPLEMENTED, absl::ZeroDuration());
  }
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr(absl::StrCat("sluice_rpcs_total{method=\"other\",code=\"unimplemented\"} ",
                                           1000 - RpcMetrics::kMaxMethods, "\n")));
  EXPECT_THAT(text, Not(HasSubstr("made.Up/999")));
}

TEST_F(ServerMetricsTest, IsServedOverHttp) {
  CountSomething();
  const auto listener = MetricsListener::Start(*Endpoint::Parse("127.0.0.1:0"), metrics_);
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_FALSE(MetricsListener::Start((*listener)->endpoint(), metrics_).ok());  // it is taken
  const UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((*listener)->endpoint().port), .sin_addr = {}, .sin_zero = {}};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(write(connection.get(), request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string response;
  char buffer[4096];
  for (ssize_t n; (n = read(connection.get(), buffer, sizeof(buffer))) > 0;) response.append(buffer, static_cast<size_t>(n));
  EXPECT_THAT(response, HasSubstr("200 OK"));
  EXPECT_THAT(response, HasSubstr("sluice_flows_opened_total 5"));
}

}  // namespace
}  // namespace sluice
