// EvaluatePolicy: says of every attempt what the audit log says of it, and counts
// what the audit log counts.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/policy_client.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr char kPolicy[] =
    "preset: PRESET_PUBLIC_ONLY"
    " rules { id: 'printer' action: ACTION_ALLOW peers { cidr: '10.1.2.3' } protocols: PROTOCOL_TCP ports { first: 80 } }"
    " rules { id: 'lan' action: ACTION_DENY peers { group: ADDRESS_GROUP_PRIVATE } }"
    " rules { action: ACTION_DENY protocols: PROTOCOL_TCP ports { first: 25 } }"
    " rules { id: 'no-echo' action: ACTION_DENY peers { cidr: '198.35.26.96' } protocols: PROTOCOL_UDP }"
    " rules { id: 'no-google' action: ACTION_DENY peers { cidr: '8.8.8.8' } ports { first: 53 } }";

// A flow, or with a domain alone a query, as a guest may try it.
struct Probe {
  v1::Protocol protocol = v1::PROTOCOL_UNSPECIFIED;
  std::string address = {};
  uint32_t port = 0;
  std::string domain = {};
  // What must come of it.
  std::string rule_id = {};
  v1::Verdict::Reason reason = v1::Verdict::REASON_UNSPECIFIED;
  v1::AddressGroup group = v1::ADDRESS_GROUP_UNSPECIFIED;

  std::string ToString() const {
    return absl::StrCat(v1::Protocol_Name(protocol), " ", address, " ", port, " ", domain);
  }
};

// Tries every flow of its arguments, "tcp ADDRESS PORT" and so on, once.
constexpr absl::string_view kTryAll = R"(
import socket, subprocess, sys
for word in sys.argv[1:]:
    kind, address, port = word.split()
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    if kind == 'icmp':
        subprocess.run(['ping', '-n', '-c', '1', '-W', '2', address], stdout=subprocess.DEVNULL)
    elif kind == 'name':
        subprocess.run(['dig', '+time=5', '+tries=1', '@' + port, address], stdout=subprocess.DEVNULL)
    else:
        s = socket.socket(family, socket.SOCK_STREAM if kind == 'tcp' else socket.SOCK_DGRAM)
        s.settimeout(2)
        try:
            s.connect((address, int(port)))
            s.send(b'ping')
        except OSError:
            pass
        s.close()
)";

class EvaluatePolicyTest : public E2eTest {
 protected:
  static std::vector<Probe> Probes() {
    using V = v1::Verdict;
    const auto tcp = v1::PROTOCOL_TCP, udp = v1::PROTOCOL_UDP, icmp = v1::PROTOCOL_ICMP;
    return {
        {tcp, "10.1.2.3", 80, "", "printer", V::REASON_RULE, v1::ADDRESS_GROUP_PRIVATE},
        {tcp, "10.1.2.3", 81, "", "lan", V::REASON_RULE, v1::ADDRESS_GROUP_PRIVATE},
        {tcp, "fd00:10::3", 80, "", "lan", V::REASON_RULE, v1::ADDRESS_GROUP_PRIVATE},
        {icmp, "172.20.0.1", 0, "", "lan", V::REASON_RULE, v1::ADDRESS_GROUP_PRIVATE},
        {tcp, "93.184.216.34", 80, "", "preset", V::REASON_PRESET, v1::ADDRESS_GROUP_PUBLIC},
        {tcp, "2606:2800:220:1::1", 80, "", "preset", V::REASON_PRESET, v1::ADDRESS_GROUP_PUBLIC},
        {tcp, "93.184.216.34", 25, "", "rule-2", V::REASON_RULE, v1::ADDRESS_GROUP_PUBLIC},
        {udp, "198.35.26.96", 7, "", "no-echo", V::REASON_RULE, v1::ADDRESS_GROUP_PUBLIC},
        {icmp, "198.35.26.96", 0, "", "preset", V::REASON_PRESET, v1::ADDRESS_GROUP_PUBLIC},
        {tcp, "1.1.1.1", 853, "", "preset", V::REASON_PRESET, v1::ADDRESS_GROUP_PUBLIC},
        {tcp, "169.254.169.254", 80, "", "default", V::REASON_DEFAULT, v1::ADDRESS_GROUP_METADATA},
        {tcp, "203.0.112.7", 8080, "", "default", V::REASON_DEFAULT, v1::ADDRESS_GROUP_HOST},
        {tcp, "10.0.2.2", 8080, "", "default", V::REASON_DEFAULT, v1::ADDRESS_GROUP_HOST},
        {tcp, "10.0.2.2", server().tcp_port(), "", "default", V::REASON_CONTROL_PLANE, v1::ADDRESS_GROUP_HOST},
        {.domain = "web.example.com", .rule_id = "preset", .reason = V::REASON_PRESET},
        {.domain = "blocked.test", .rule_id = "default", .reason = V::REASON_DNS_BLOCKED},
        // A query to a resolver of the guest's choice.
        {udp, "8.8.8.8", 53, "other.example.com", "no-google", V::REASON_RULE, v1::ADDRESS_GROUP_PUBLIC},
    };
  }

  static v1::EvaluatePolicyRequest Question(const std::string& id, const Probe& probe) {
    v1::EvaluatePolicyRequest request;
    request.set_sandbox_id(id);
    request.set_protocol(probe.protocol);
    request.set_remote_address(probe.address);
    request.set_remote_domain(probe.domain);
    request.set_port(probe.port);
    return request;
  }

  static void TryAll(const std::string& id, const std::vector<Probe>& probes) {
    std::vector<std::string> words;
    for (const Probe& probe : probes) {
      if (!probe.domain.empty()) {
        words.push_back(absl::StrCat("name ", probe.domain, " ", probe.address.empty() ? "10.0.2.3" : probe.address));
      } else {
        const char* kind = probe.protocol == v1::PROTOCOL_TCP ? "tcp" : probe.protocol == v1::PROTOCOL_UDP ? "udp" : "icmp";
        words.push_back(absl::StrCat(kind, " ", probe.address, " ", probe.port));
      }
    }
    const ExecResult result = Run(id, Python(kTryAll, words));
    EXPECT_EQ(result.code, 0) << result.err;
  }

  static bool IsOf(const Probe& probe, const v1::AuditEvent& event) {
    if (!probe.domain.empty()) return event.dns().name() == probe.domain;
    const bool first = event.flow().phase() == v1::FlowEvent::PHASE_OPENED ||
                       event.flow().phase() == v1::FlowEvent::PHASE_DENIED;
    return first && event.flow().protocol() == probe.protocol && event.flow().remote().address() == probe.address &&
           event.flow().remote().port() == probe.port;
  }

};

constexpr char kSandbox[] =
    "guest { oci {} } network { dns { blocked_domains: 'blocked.test' } policy { ";

TEST_F(EvaluatePolicyTest, SaysWhatTheAuditLogSaysOfTheSameProbe) {
  const std::string id = E2eTest::Create(absl::StrCat(kSandbox, kPolicy, "} }"));
  const std::vector<Probe> probes = Probes();
  std::vector<v1::EvaluatePolicyResponse> answers(probes.size());
  for (size_t i = 0; i < probes.size(); ++i) {
    SCOPED_TRACE(probes[i].ToString());
    const grpc::Status status = Evaluate(client(), Question(id, probes[i]), answers[i]);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(answers[i].verdict().rule_id(), probes[i].rule_id);
    EXPECT_EQ(answers[i].verdict().reason(), probes[i].reason);
    EXPECT_EQ(answers[i].remote_group(), probes[i].group);
  }
  // Nothing was tried yet, so nothing was told.
  for (const v1::AuditEvent& event : Events(id)) EXPECT_FALSE(event.has_flow() || event.has_dns());

  TryAll(id, probes);
  for (size_t i = 0; i < probes.size(); ++i) {
    SCOPED_TRACE(probes[i].ToString());
    const v1::AuditEvent event =
        AwaitEvent(id, [&](const v1::AuditEvent& candidate) { return IsOf(probes[i], candidate); });
    const v1::Verdict& told = event.has_dns() ? event.dns().verdict() : event.flow().verdict();
    EXPECT_EQ(told.ShortDebugString(), answers[i].verdict().ShortDebugString());
  }
}

TEST_F(EvaluatePolicyTest, JudgesAPolicyThatIsNotSet) {
  const std::string id = CreateOci("preset: PRESET_ALLOW_ALL");
  for (const Probe& probe : Probes()) {
    // The block list is the sandbox's, and this one has none.
    if (probe.reason == v1::Verdict::REASON_DNS_BLOCKED) continue;
    for (const std::string& asked : {id, std::string()}) {
      SCOPED_TRACE(absl::StrCat(probe.ToString(), asked.empty() ? " without a sandbox" : ""));
      v1::EvaluatePolicyRequest request = Question(asked, probe);
      ParseProto(kPolicy, *request.mutable_policy());
      v1::EvaluatePolicyResponse response;
      const grpc::Status status = Evaluate(client(), request, response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(response.verdict().rule_id(), probe.rule_id);
      EXPECT_EQ(response.verdict().reason(), probe.reason);
      EXPECT_EQ(response.remote_group(), probe.group);
    }
  }
  // Asking set nothing.
  EXPECT_EQ(client().Get(id)->network_status().policy_generation(), 1u);
  EXPECT_EQ(Run(id, Curl("http://10.1.2.3/")).out, "internal service\n");
}

TEST_F(EvaluatePolicyTest, IngressIsJudgedByThePeer) {
  const std::string id = CreateOci(
      "preset: PRESET_PUBLIC_ONLY rules { id: 'no-inet' action: ACTION_DENY direction: DIRECTION_INGRESS"
      "                                   peers { cidr: '203.0.112.1' } ports { first: 8000 } }");
  v1::EvaluatePolicyRequest request = Question(id, {v1::PROTOCOL_TCP, "203.0.112.1", 8000, "", "", {}, {}});
  request.set_direction(v1::DIRECTION_INGRESS);
  v1::EvaluatePolicyResponse response;
  ASSERT_TRUE(Evaluate(client(), request, response).ok());
  EXPECT_EQ(response.verdict().rule_id(), "no-inet");
  request.set_port(8001);
  ASSERT_TRUE(Evaluate(client(), request, response).ok());
  EXPECT_EQ(response.verdict().action(), v1::ACTION_ALLOW);
  EXPECT_EQ(response.verdict().rule_id(), "default");
}

TEST_F(EvaluatePolicyTest, NamesTheFieldThatIsWrong) {
  const std::string id = CreateOci("");
  const std::string whose = absl::StrCat("sandbox_id: '", id, "' ");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"remote_address: '1.1.1.1' protocol: PROTOCOL_TCP port: 80", "sandbox_id"},
      {"sandbox_id: 'Not an id' remote_domain: 'a.test'", "sandbox_id"},
      {whose, "remote_address"},
      {whose + "remote_address: '1.1.1' protocol: PROTOCOL_TCP port: 80", "remote_address"},
      {whose + "remote_address: '1.1.1.0/24' protocol: PROTOCOL_TCP port: 80", "remote_address"},
      {whose + "remote_address: '1.1.1.1' port: 80", "protocol"},
      {whose + "remote_address: '1.1.1.1' protocol: PROTOCOL_TCP", "port"},
      {whose + "remote_address: '1.1.1.1' protocol: PROTOCOL_UDP port: 65536", "port"},
      {whose + "remote_address: '1.1.1.1' protocol: PROTOCOL_ICMP port: 80", "port"},
      {whose + "remote_domain: '*.example.com'", "remote_domain"},
      {whose + "remote_domain: 'a..b'", "remote_domain"},
      {whose + "remote_domain: 'a.test' direction: DIRECTION_INGRESS", "remote_domain"},
      {"policy {} remote_domain: 'a.test'", "policy.preset"},
      {"policy { preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW ports { first: 9 last: 8 } } }"
       " remote_domain: 'a.test'",
       "policy.rules[0].ports[0].last"},
  };
  for (const auto& [text, field] : cases) {
    v1::EvaluatePolicyResponse response;
    const grpc::Status status = Evaluate(client(), Proto<v1::EvaluatePolicyRequest>(text), response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << text;
    EXPECT_EQ(BadField(status), field) << text << ": " << status.error_message();
  }
  v1::EvaluatePolicyResponse response;
  const auto nobody = Proto<v1::EvaluatePolicyRequest>("sandbox_id: 'nobody' remote_domain: 'a.test'");
  EXPECT_EQ(Evaluate(client(), nobody, response).error_code(), grpc::StatusCode::NOT_FOUND);
}

// Other packets are dropped before any policy is asked.
bool WasJudged(const v1::FlowEvent& flow) {
  return flow.verdict().reason() != v1::Verdict::REASON_MALFORMED &&
         flow.verdict().reason() != v1::Verdict::REASON_UNSUPPORTED;
}

// Every rule's counters are the sums of the audit log's.
TEST_F(EvaluatePolicyTest, CountsByRuleWhatTheAuditLogTells) {
  const std::string id = E2eTest::Create(absl::StrCat(kSandbox, kPolicy, "} }"));
  const std::vector<Probe> probes = Probes();
  for (int round = 0; round < 3; ++round) TryAll(id, probes);
  const v1::GetNetworkPolicyResponse policy = GetPolicyStats(client(), id);
  EXPECT_EQ(policy.policy_generation(), 1u);
  EXPECT_TRUE(policy.has_stats_since());
  ASSERT_EQ(policy.rule_stats_size(), policy.policy().rules_size() + 2);

  // Folded denials are told within a second; the last event ends the wait.
  SetPolicy(id, "preset: PRESET_NONE");
  ASSERT_TRUE(client().Delete(id).ok());
  std::map<std::string, v1::RuleStats> told;
  for (const v1::AuditEvent& event : Events(id)) {
    if (event.has_dns()) {
      v1::RuleStats& stats = told[event.dns().verdict().rule_id()];
      const bool allowed = event.dns().verdict().action() == v1::ACTION_ALLOW;
      allowed ? stats.set_names_allowed(stats.names_allowed() + 1) : stats.set_names_denied(stats.names_denied() + 1);
    } else if (event.flow().phase() == v1::FlowEvent::PHASE_OPENED) {
      v1::RuleStats& stats = told[event.flow().verdict().rule_id()];
      stats.set_flows_allowed(stats.flows_allowed() + event.flow().count());
    } else if (event.flow().phase() == v1::FlowEvent::PHASE_DENIED && WasJudged(event.flow())) {
      v1::RuleStats& stats = told[event.flow().verdict().rule_id()];
      stats.set_flows_denied(stats.flows_denied() + event.flow().count());
    }
  }
  for (const v1::RuleStats& stats : policy.rule_stats()) {
    SCOPED_TRACE(stats.rule_id());
    const v1::RuleStats& wanted = told[stats.rule_id()];
    EXPECT_EQ(stats.flows_allowed(), wanted.flows_allowed());
    EXPECT_EQ(stats.flows_denied(), wanted.flows_denied());
    EXPECT_EQ(stats.names_allowed(), wanted.names_allowed());
    EXPECT_EQ(stats.names_denied(), wanted.names_denied());
    EXPECT_TRUE(stats.has_last_hit_time());
  }
  // The guest tried each of them three times.
  EXPECT_EQ(StatsOf(policy, "printer").flows_allowed(), 3u);
  EXPECT_GE(StatsOf(policy, "lan").flows_denied(), 9u);
  EXPECT_GE(StatsOf(policy, "no-google").names_denied(), 3u);
}

TEST_F(EvaluatePolicyTest, TheCommandLineAsksSetsAndShows) {
  const std::string id = CreateOci(kPolicy);
  const std::string sluice = Runfile("clients/cli/sluice");
  const auto cli = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {sluice, "--server", server().unix_address()});
    return RunOnHost(words);
  };
  const lab::CommandResult denied = cli({"policy", "check", id, "tcp", "10.1.2.3:81"});
  EXPECT_EQ(denied.exit_code, 4) << denied.err;
  EXPECT_EQ(denied.out.substr(0, denied.out.find('\n')), "denied: tcp to 10.1.2.3:81 (private), by rule \"lan\"");
  EXPECT_EQ(cli({"policy", "check", id, "tcp", "10.1.2.3:80"}).exit_code, 0);
  EXPECT_EQ(cli({"policy", "check", "icmp", "8.8.8.8", "--policy", "allowlist"}).exit_code, 4);

  // What get prints is what is in force, and set takes it back.
  const v1::NetworkPolicy before = client().Get(id)->network().policy();
  const lab::CommandResult file = cli({"policy", "get", id});
  EXPECT_EQ(file.exit_code, 0) << file.err;
  const auto set = lab().RunInHost({"bash", "-c", "printf %s \"$3\" | \"$0\" --server \"$1\" policy set \"$2\" -f -", sluice,
                                    server().unix_address(), id, file.out});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->exit_code, 0) << set->err << file.out;
  EXPECT_EQ(client().Get(id)->network().policy().ShortDebugString(), before.ShortDebugString());
  EXPECT_EQ(client().Get(id)->network_status().policy_generation(), 2u);
  EXPECT_EQ(cli({"policy", "set", id, "--policy", "none", "--expected-generation", "1"}).exit_code, 1);

  const lab::CommandResult stats = cli({"policy", "get", id, "--stats"});
  EXPECT_EQ(stats.exit_code, 0) << stats.err;
  EXPECT_NE(stats.out.find("printer"), std::string::npos) << stats.out;
}

}  // namespace
}  // namespace sluice::e2e
