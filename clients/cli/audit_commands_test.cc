#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "absl/time/clock.h"
#include "clients/cli/json.h"
#include "clients/cli/testing/cli_test_base.h"
#include "clients/cli/text.h"

namespace sluice::cli {
namespace {

class AuditCommandsTest : public CliTestBase {
 protected:
  AuditCommandsTest() {
    v1::AuditEvent& event = *state_.audit_responses.emplace_back().mutable_event();
    event.set_sandbox_id("web");
    event.set_sequence(1);
    event.mutable_time()->set_seconds(1'900'000'000);
    v1::DnsEvent& dns = *event.mutable_dns();
    dns.set_name("rebind.test");
    dns.set_type("A");
    dns.set_response_code("NXDOMAIN");
    dns.mutable_verdict()->set_action(v1::ACTION_DENY);
    dns.mutable_verdict()->set_reason(v1::Verdict::REASON_DNS_REBINDING);
    state_.audit_responses.emplace_back().mutable_heartbeat()->set_seconds(1);
    v1::LostEvents& lost = *state_.audit_responses.emplace_back().mutable_lost();
    lost.set_sandbox_id("web");
    lost.set_first_sequence(2);
    lost.set_last_sequence(9);
  }
};

TEST_F(AuditCommandsTest, PrintsALineAnEventUnderAHeaderWithoutColour) {
  const CliResult result = RunCli({"audit", "web"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::istringstream lines(result.out);
  std::string header, event, lost;
  std::getline(lines, header);
  std::getline(lines, event);
  std::getline(lines, lost);
  EXPECT_EQ(header.substr(0, 27), "TIME                SANDBOX");
  EXPECT_EQ(event.substr(0, 71), "03-17 17:46:40.000  web           DENY   dns A rebind.test -> NXDOMAIN ");
  EXPECT_EQ(lost, "-- web: events 2 to 9 are gone: retention removed them before they were read --");
  EXPECT_EQ(result.out.find('\x1b'), result.out.npos);
}

TEST_F(AuditCommandsTest, JsonIsOneObjectALine) {
  const CliResult result = RunCli({"audit", "-o", "json"});
  std::istringstream lines(result.out);
  std::string event, lost;
  std::getline(lines, event);
  std::getline(lines, lost);
  EXPECT_EQ(nlohmann::json::parse(event)["dns"]["verdict"]["reason"], "REASON_DNS_REBINDING");
  EXPECT_EQ(nlohmann::json::parse(lost)["lost"]["last_sequence"], "9");
  EXPECT_EQ(lines.peek(), std::istringstream::traits_type::eof());
}

TEST_F(AuditCommandsTest, OptionsBecomeTheFilter) {
  const absl::Time before = absl::Now();
  RunCli({"audit", "--since", "10m", "--denied", "--domain", "*.x.test", "--domain", "y.test", "-l", "a=b",
          "web", "db"});
  ASSERT_EQ(state_.audits.size(), 1u);
  v1::StreamAuditEventsRequest request = state_.audits[0];
  const absl::Time since = FromProto(request.since());
  EXPECT_GE(since, before - absl::Minutes(10));
  EXPECT_LE(since, absl::Now() - absl::Minutes(10));
  request.clear_since();
  EXPECT_EQ(JsonLine(request), R"({"sandbox_ids":["web","db"],"labels":{"a":"b"},)"
                               R"("filter":{"action":"ACTION_DENY","domains":["*.x.test","y.test"]}})");
}

TEST_F(AuditCommandsTest, SinceIsATimeToo) {
  RunCli({"audit", "--since", "2030-01-31T15:04:05Z"});
  ASSERT_EQ(state_.audits.size(), 1u);
  EXPECT_EQ(absl::FormatTime(FromProto(state_.audits[0].since()), absl::UTCTimeZone()),
            "2030-01-31T15:04:05+00:00");
  for (const char* wrong : {"yesterday", "-5m", "inf", "10"}) {
    EXPECT_EQ(RunCli({"audit", "--since", wrong}).exit_code, 2) << wrong;
  }
  EXPECT_EQ(state_.audits.size(), 1u);
}

TEST_F(AuditCommandsTest, FollowTreatsTheStreamsEndAsALoss) {
  const CliResult result = RunCli({"audit", "-f"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "sluice: the server ended the audit stream: `sluice audit -f --since 1m` picks it up again\n");
  ASSERT_EQ(state_.audits.size(), 1u);
  EXPECT_TRUE(state_.audits[0].follow());
}

TEST_F(AuditCommandsTest, NothingToShowSaysSoAside) {
  state_.audit_responses.clear();
  const CliResult result = RunCli({"audit"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "sluice: no events match\n");
}

TEST_F(AuditCommandsTest, RefusalIsOneLine) {
  state_.audit_responses.clear();
  state_.refusal = {grpc::StatusCode::NOT_FOUND, "there is no sandbox \"web\""};
  const CliResult result = RunCli({"audit", "web"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(
      result.err,
      "sluice: the audit stream ended: there is no sandbox \"web\": `sluice list` shows the sandboxes that "
      "exist\n");
}

}  // namespace
}  // namespace sluice::cli
