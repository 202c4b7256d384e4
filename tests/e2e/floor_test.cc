// The operator's floor rules: ahead of whatever a caller allows, and read again when
// their file changes.

#include <netinet/in.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/operator_file.h"
#include "tests/e2e/policy_client.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::HasSubstr;
using testing::Not;

constexpr char kEcho[] = "198.35.26.96";
constexpr char kAllowAll[] =
    "preset: PRESET_ALLOW_ALL rules { id: 'mine' action: ACTION_ALLOW peers { cidr: '198.35.26.96' } }";
constexpr char kDenyEcho[] = "- {id: echo, action: ACTION_DENY, peers: [{cidr: 198.35.26.96}, {domain: other.example.com}]}\n";
constexpr char kMirror[] =
    "- {id: mirror, action: ACTION_ALLOW, peers: [{cidr: 10.1.2.3}], protocols: [PROTOCOL_TCP], ports: [{first: 80}]}\n";

class FloorTest : public E2eTest {
 protected:
  static void SetUpTestSuite() {
    Floor().Replace("rules: []\n");
    ServerProcess::Options options;
    options.flags = {absl::StrCat("--floor_policy=", Floor().path()), "--metrics_listen=127.0.0.1:0"};
    StartSuite(options);
  }

  static OperatorFile Floor() { return OperatorFile("floor.yaml"); }
  // Puts rules into the file, with one that tells this version from others.
  static void SetFloor(const std::string& rules) {
    version_ = absl::StrCat("v", ++versions_);
    Floor().Replace(absl::StrCat("rules:\n", rules, "- {id: ", version_,
                                 ", action: ACTION_DENY, peers: [{domain: ", version_, ".invalid}]}\n"));
  }
  // Returns the sandbox's event of the floor that was set last.
  static v1::AuditEvent AwaitFloor(const std::string& id) {
    return AwaitEvent(id, [](const v1::AuditEvent& event) {
      const auto& floor = event.policy().floor();
      return std::any_of(floor.begin(), floor.end(), [](const v1::Rule& rule) { return rule.id() == version_; });
    });
  }

  static v1::Verdict Ask(absl::string_view request) {
    v1::EvaluatePolicyResponse response;
    EXPECT_TRUE(Evaluate(client(), Proto<v1::EvaluatePolicyRequest>(request), response).ok());
    return response.verdict();
  }
  static std::string Metrics() {
    return RunOnHost({"curl", "-s", absl::StrCat("http://127.0.0.1:", server().metrics_port(), "/metrics")}).out;
  }
  static void ExpectLine(GuestExec& program, const std::string& line) {
    EXPECT_EQ(program.ReadLine().value_or("nothing"), line);
  }

  static int versions_;
  static std::string version_;
};

int FloorTest::versions_ = 0;
std::string FloorTest::version_;

TEST_F(FloorTest, DeniesWhatACallerAllowsUntilTheFileChanges) {
  SetFloor(kDenyEcho);
  const std::string id = CreateOci(kAllowAll);
  AwaitFloor(id);
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  EXPECT_EQ(Run(id, UdpEcho(kEcho)).out, "EHOSTUNREACH\n");
  EXPECT_EQ(Run(id, DigStatus("8.8.8.8", "other.example.com")).out, "NXDOMAIN\n");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, kEcho, 0), 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, kEcho, 0), 0);
  const v1::AuditEvent denied = AwaitEvent(id, Denied(kEcho, 7, v1::Verdict::REASON_RULE));
  EXPECT_EQ(denied.flow().verdict().rule_id(), "floor/echo");

  // The caller sees what decides, and its own policy.
  const std::string question = absl::StrCat("protocol: PROTOCOL_TCP port: 7 remote_address: '", kEcho, "'");
  EXPECT_EQ(Ask(absl::StrCat("sandbox_id: '", id, "' ", question)).rule_id(), "floor/echo");
  for (const std::string& whose : {std::string(), absl::StrCat("sandbox_id: '", id, "' ")}) {
    EXPECT_EQ(Ask(absl::StrCat(whose, question, " policy { ", kAllowAll, " }")).rule_id(), "floor/echo") << whose;
  }
  v1::GetNetworkPolicyResponse policy = GetPolicyStats(client(), id);
  EXPECT_EQ(policy.policy().rules_size(), 1);
  EXPECT_EQ(policy.policy_generation(), 1u);
  EXPECT_EQ(StatsOf(policy, "floor/echo").flows_denied(), 2u);
  EXPECT_EQ(StatsOf(policy, "floor/echo").names_denied(), 1u);
  EXPECT_EQ(StatsOf(policy, "mine").flows_allowed(), 0u);

  SetFloor("");
  EXPECT_EQ(AwaitFloor(id).policy().policy().rules(0).id(), "mine");
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
  EXPECT_EQ(Run(id, UdpEcho(kEcho)).out, "ping\n");
  EXPECT_EQ(Run(id, DigStatus("8.8.8.8", "other.example.com")).out, "NOERROR\n");
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, kEcho, 7), 0);
  EXPECT_EQ(Ask(absl::StrCat("sandbox_id: '", id, "' ", question)).rule_id(), "mine");
  policy = GetPolicyStats(client(), id);
  EXPECT_EQ(StatsOf(policy, "mine").flows_allowed(), 2u);
  EXPECT_EQ(policy.policy_generation(), 1u);
}

TEST_F(FloorTest, HoldsWhenAnotherServerTakesTheSandboxOver) {
  SetFloor(kDenyEcho);
  const std::string id = CreateOci(kAllowAll);
  AwaitFloor(id);
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  ASSERT_TRUE(server().End(SIGKILL).ok());
  ASSERT_NO_FATAL_FAILURE(StartServer());
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, kEcho, 0), 0);
  // The twin: a file that changed while no server was there.
  ASSERT_TRUE(server().End(SIGKILL).ok());
  SetFloor("");
  ASSERT_NO_FATAL_FAILURE(StartServer());
  AwaitFloor(id);
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, kEcho, 7), 0);
}

TEST_F(FloorTest, AChangedFileEndsTheOpenFlowsThatItDenies) {
  SetFloor("");
  const std::string id = CreateOci(kAllowAll);
  AwaitFloor(id);
  GuestExec ends(client(), id, TcpDialogue(kEcho, 7));
  GuestExec stays(client(), id, TcpDialogue("10.1.2.3", 7));
  for (GuestExec* dialogue : {&ends, &stays}) ExpectLine(*dialogue, "open");
  SetFloor(kDenyEcho);
  EXPECT_EQ(AwaitFloor(id).policy().flows_closed(), 1u);
  ExpectLine(ends, "ECONNRESET");
  const v1::AuditEvent closed = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, kEcho, 7));
  EXPECT_EQ(closed.flow().verdict().reason(), v1::Verdict::REASON_POLICY_CHANGED);
  EXPECT_EQ(closed.flow().verdict().rule_id(), "floor/echo");
  stays.Write("still\n");
  ExpectLine(stays, "still");
}

TEST_F(FloorTest, AllowsForAllWhatItNamesAndNoMore) {
  SetFloor(kMirror);
  const std::string id = CreateOci("preset: PRESET_ALLOWLIST rules { id: 'none' action: ACTION_DENY }");
  AwaitFloor(id);
  EXPECT_EQ(Run(id, Curl("http://10.1.2.3/")).out, "internal service\n");
  const v1::AuditEvent opened = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, "10.1.2.3", 80));
  EXPECT_EQ(opened.flow().verdict().rule_id(), "floor/mirror");
  const auto sniffer = Sniff(Sniffer::Where::kLan);
  ASSERT_NE(sniffer, nullptr);
  EXPECT_EQ(Run(id, Curl("http://192.168.77.1/")).code, kCurlCannotConnect);
  EXPECT_EQ(Run(id, TcpConnect("10.1.2.3", 7)).out, "ECONNREFUSED\n");
  SetFloor("");
  AwaitFloor(id);
  EXPECT_EQ(Run(id, Curl("http://10.1.2.3/")).code, kCurlCannotConnect);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 0), 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "192.168.77.1", 0), 0);
}

TEST_F(FloorTest, ABadFileKeepsTheOldRulesAndSaysSo) {
  SetFloor(kDenyEcho);
  const std::string id = CreateOci(kAllowAll);
  AwaitFloor(id);
  EXPECT_THAT(Metrics(), HasSubstr("sluice_floor_stale 0\n"));
  Floor().Replace("rules: [{action: ACTION_ALLOW}]\n");
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (Metrics().find("sluice_floor_stale 1\n") == std::string::npos && absl::Now() < deadline) {
  }
  EXPECT_THAT(Metrics(), HasSubstr("sluice_floor_stale 1\n"));
  EXPECT_THAT(Metrics(), Not(HasSubstr("sluice_floor_failed_reloads_total 0\n")));
  EXPECT_THAT(Metrics(), HasSubstr("sluice_floor_rules 2\n"));
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  const std::string later = CreateOci(kAllowAll);
  EXPECT_EQ(Run(later, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  SetFloor("");
  AwaitFloor(id);
  EXPECT_THAT(Metrics(), HasSubstr("sluice_floor_stale 0\n"));
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
}

}  // namespace
}  // namespace sluice::e2e
