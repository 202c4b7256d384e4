// policy set, policy get, policy check, publish and unpublish.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "clients/cli/json.h"
#include "clients/cli/testing/cli_test_base.h"
#include "clients/cli/text.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

using PolicyCommandsTest = CliTestBase;

v1::Verdict MakeVerdict(v1::Action action, const std::string& rule_id, v1::Verdict::Reason reason) {
  v1::Verdict verdict;
  verdict.set_action(action);
  verdict.set_rule_id(rule_id);
  verdict.set_reason(reason);
  return verdict;
}

using PortCommandsTest = CliTestBase;

TEST_F(PolicyCommandsTest, SetSendsRulesInTheOrderOfTheCommandLine) {
  const CliResult result = RunCli({"policy", "set", "web", "--preset", "public-only", "--deny", "a.test",
                                   "--allow=b.test", "--deny", "[::1]:53", "--allow", "any/icmp",
                                   "--expected-generation", "7", "--keep-open-flows", "--drop"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "generation 3, 1 flows ended\n");
  ASSERT_EQ(state_.policies.size(), 1u);
  EXPECT_EQ(JsonLine(state_.policies[0]),
            R"({"sandbox_id":"web","policy":{"preset":"PRESET_PUBLIC_ONLY","rules":[)"
            R"({"action":"ACTION_DENY","peers":[{"domain":"a.test"}]},)"
            R"({"action":"ACTION_ALLOW","peers":[{"domain":"b.test"}]},)"
            R"({"action":"ACTION_DENY","peers":[{"cidr":"::1"}],"ports":[{"first":53}]},)"
            R"({"action":"ACTION_ALLOW","protocols":["PROTOCOL_ICMP"]}],)"
            R"("deny_response":"DENY_RESPONSE_DROP"},"expected_generation":"7","keep_open_flows":true})");
}

TEST_F(PolicyCommandsTest, GetPrintsWhatSetTakes) {
  RunCli({"create", "--name", "web", "--policy", "allowlist", "--allow", "*.pypi.org:443,8443/tcp", "--deny",
          "host", "--allow", "[fd00::/8]:53/udp", "--drop"});
  const std::string policy = JsonLine(state_.creates[0].sandbox().network().policy());
  for (const std::vector<std::string>& format :
       {std::vector<std::string>{}, {"-o", "table"}, {"-o", "yaml"}, {"-o", "json"}}) {
    state_.policies.clear();
    std::vector<std::string> get = {"policy", "get", "web"};
    get.insert(get.end(), format.begin(), format.end());
    const CliResult printed = RunCli(get);
    ASSERT_EQ(printed.exit_code, 0) << printed.err;
    const std::string file = directory_.Path("policy");
    ASSERT_TRUE(WriteFile(file, printed.out).ok());
    const CliResult set = RunCli({"policy", "set", "web", "-f", file});
    EXPECT_EQ(set.exit_code, 0) << set.err << printed.out;
    ASSERT_EQ(state_.policies.size(), 1u);
    EXPECT_EQ(JsonLine(state_.policies[0].policy()), policy);

    CliProcess process({"policy", "set", "web", "-f", "-", "-o", "json"}, address_);
    process.WriteInput(printed.out);
    process.CloseInput();
    EXPECT_EQ(process.Wait().out, "{\"policy_generation\":\"3\",\"flows_closed\":\"1\"}\n");
  }
}

TEST_F(PolicyCommandsTest, GetShowsHowOftenEachRuleDecided) {
  RunCli({"create", "--name", "web", "--policy", "allowlist", "--allow", "10.0.0.5:5432/tcp"});
  const absl::Time now = absl::Now();
  v1::RuleStats& rule = *state_.stats.add_rule_stats();
  rule.set_rule_id("rule-0");
  rule.set_flows_allowed(12);
  rule.set_names_denied(3);
  *rule.mutable_last_hit_time() = ToProto(now - absl::Hours(2) - absl::Minutes(30));
  state_.stats.add_rule_stats()->set_rule_id("preset");
  state_.stats.add_rule_stats()->set_rule_id("default");
  state_.stats.add_rule_stats()->set_rule_id("floor/metadata");
  *state_.stats.mutable_stats_since() = ToProto(now - absl::Hours(26) - absl::Minutes(30));
  const CliResult result = RunCli({"policy", "get", "web", "--stats"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "RULE            FLOWS ALLOWED  DENIED  NAMES ALLOWED  DENIED  LAST       WHAT\n"
            "rule-0          12             -       -              3       2h30m ago  allow 10.0.0.5:5432/tcp\n"
            "preset          -              -       -              -       never      allowlist\n"
            "default         -              -       -              -       never      allowlist\n"
            "floor/metadata  -              -       -              -       never      of the operator\n"
            "\n"
            "generation 3, counted since 26h30m ago\n");
  EXPECT_NE(RunCli({"policy", "get", "web", "--stats", "-o", "json"}).out.find("\"flows_allowed\":\"12\""),
            std::string::npos);
}

TEST_F(PolicyCommandsTest, YamlIsOfPolicyGetAlone) {
  EXPECT_EQ(RunCli({"list", "-o", "yaml"}).exit_code, 2);
  EXPECT_EQ(RunCli({"policy", "set", "web", "--policy", "none", "-o", "yaml"}).exit_code, 2);
}

TEST_F(PolicyCommandsTest, SetNamesTheLineThatIsWrong) {
  const std::string file = directory_.Path("policy.yaml");
  ASSERT_TRUE(WriteFile(file, "preset: PRESET_NONE\nrule: []\n").ok());
  const CliResult result = RunCli({"policy", "set", "web", "-f", file});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "sluice: " + file +
                            ": line 2: there is no field \"rule\" here; there are preset, rules, deny_response\n");
}

TEST_F(PolicyCommandsTest, SetTakesAFile) {
  const std::string file = directory_.Path("policy.yaml");
  ASSERT_TRUE(WriteFile(file, "preset: PRESET_NONE\n").ok());
  EXPECT_EQ(RunCli({"policy", "set", "web", "-f", file}).exit_code, 0);
  ASSERT_EQ(state_.policies.size(), 1u);
  EXPECT_EQ(state_.policies[0].policy().preset(), v1::PRESET_NONE);
}

TEST_F(PolicyCommandsTest, SetRefusesHalfAPolicyAndTwoOfThem) {
  const std::string file = directory_.Path("policy.json");
  ASSERT_TRUE(WriteFile(file, "{\"presets\": \"PRESET_NONE\"}").ok());
  EXPECT_EQ(RunCli({"policy", "set", "web", "--allow", "any"}).exit_code, 2);
  EXPECT_EQ(RunCli({"policy", "set", "web", "-f", file, "--allow", "any"}).exit_code, 2);
  EXPECT_EQ(RunCli({"policy", "set", "web", "-f", directory_.Path("nope")}).exit_code, 2);
  const CliResult result = RunCli({"policy", "set", "web", "-f", file});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find(file), result.err.npos) << result.err;
  EXPECT_TRUE(state_.policies.empty());
}

TEST_F(PolicyCommandsTest, SetOfAStaleGenerationSaysWhatToDo) {
  state_.refusal = {grpc::StatusCode::ABORTED, "the generation is 4, not 3"};
  const CliResult result = RunCli({"policy", "set", "web", "--policy", "none", "--expected-generation", "3"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(
      result.err,
      "sluice: cannot set the policy of web: the generation is 4, not 3: it changed meanwhile; look at it "
      "again, then retry\n");
}

TEST_F(PolicyCommandsTest, CheckAsksInWordsAndAnswersInASentence) {
  *state_.evaluation.mutable_verdict() = MakeVerdict(v1::ACTION_DENY, "office", v1::Verdict::REASON_RULE);
  state_.evaluation.set_remote_group(v1::ADDRESS_GROUP_PRIVATE);
  const CliResult result = RunCli({"policy", "check", "web", "tcp", "10.1.2.3:443"});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_EQ(result.out,
            "denied: tcp to 10.1.2.3:443 (private), by rule \"office\"\n"
            "verdict  deny\n"
            "rule     office\n"
            "reason   rule\n"
            "group    private\n");
  ASSERT_EQ(state_.evaluations.size(), 1u);
  EXPECT_EQ(JsonLine(state_.evaluations[0]),
            R"({"sandbox_id":"web","direction":"DIRECTION_EGRESS","protocol":"PROTOCOL_TCP",)"
            R"("remote_address":"10.1.2.3","port":443})");
}

TEST_F(PolicyCommandsTest, CheckTakesNamesIngressAndPoliciesNotYetSet) {
  *state_.evaluation.mutable_verdict() = MakeVerdict(v1::ACTION_ALLOW, "default", v1::Verdict::REASON_DEFAULT);
  const CliResult named = RunCli({"policy", "check", "web", "name", "pypi.org"});
  EXPECT_EQ(named.exit_code, 0) << named.err;
  EXPECT_EQ(named.out.substr(0, named.out.find('\n')),
            "allowed: the name pypi.org, by the preset's default: no rule speaks of it");
  EXPECT_EQ(RunCli({"policy", "check", "web", "--ingress", "udp", "[2001:db8::1]:8000"}).exit_code, 0);
  EXPECT_EQ(RunCli({"policy", "check", "icmp", "8.8.8.8", "--policy", "none", "-o", "json"}).out,
            R"({"verdict":{"action":"ACTION_ALLOW","rule_id":"default","reason":"REASON_DEFAULT"}})"
            "\n");
  EXPECT_EQ(RunCli({"policy", "check", "web", "tcp", "1.1.1.1:443", "--name", "one.test"}).exit_code, 0);
  ASSERT_EQ(state_.evaluations.size(), 4u);
  EXPECT_EQ(JsonLine(state_.evaluations[0]),
            R"({"sandbox_id":"web","direction":"DIRECTION_EGRESS","remote_domain":"pypi.org"})");
  EXPECT_EQ(JsonLine(state_.evaluations[1]),
            R"({"sandbox_id":"web","direction":"DIRECTION_INGRESS","protocol":"PROTOCOL_UDP",)"
            R"("remote_address":"2001:db8::1","port":8000})");
  EXPECT_EQ(JsonLine(state_.evaluations[2]),
            R"({"policy":{"preset":"PRESET_NONE"},"direction":"DIRECTION_EGRESS","protocol":"PROTOCOL_ICMP",)"
            R"("remote_address":"8.8.8.8"})");
  EXPECT_EQ(state_.evaluations[3].remote_domain(), "one.test");
}

TEST_F(PolicyCommandsTest, CheckSaysWhatIsMissing) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"tcp", "1.1.1.1:443"}, {"web", "tcp"}, {"web", "tcp", "1.1.1.1"},
        {"web", "tcp", "example.com:443"}, {"web", "sctp", "1.1.1.1:1"}, {"web", "icmp", "1.1.1.1:1"},
        {"web", "udp", "1.1.1.1:0"}, {"a", "b", "c", "d"}}) {
    std::vector<std::string> command = {"policy", "check"};
    command.insert(command.end(), words.begin(), words.end());
    EXPECT_EQ(RunCli(command).exit_code, 2) << testing::PrintToString(words);
  }
  EXPECT_TRUE(state_.evaluations.empty());
  state_.refusal = {grpc::StatusCode::NOT_FOUND, "there is no sandbox web"};
  EXPECT_EQ(RunCli({"policy", "check", "web", "icmp", "::1"}).exit_code, 1);
}

TEST_F(PortCommandsTest, PublishPrintsThePortThatWasBound) {
  EXPECT_EQ(RunCli({"publish", "web", "0:80"}).out, "127.0.0.1:49152->80/tcp\n");
  EXPECT_EQ(RunCli({"publish", "web", "[::]:53:53/udp", "-o", "json"}).out,
            "{\"protocol\":\"PROTOCOL_UDP\",\"host_address\":\"::\",\"host_port\":53,\"guest_port\":53}\n");
  ASSERT_EQ(state_.publishes.size(), 2u);
  EXPECT_EQ(state_.publishes[0].sandbox_id(), "web");
}

TEST_F(PortCommandsTest, UnpublishNamesThePort) {
  EXPECT_EQ(RunCli({"unpublish", "web", "0.0.0.0:53/udp"}).out,
            "unpublished 0.0.0.0:53/udp, 2 flows ended\n");
  ASSERT_EQ(state_.unpublishes.size(), 1u);
  EXPECT_EQ(JsonLine(state_.unpublishes[0].port()),
            R"({"protocol":"PROTOCOL_UDP","host_address":"0.0.0.0","host_port":53})");
}

TEST_F(PortCommandsTest, ATakenPortIsRefusedInOneLine) {
  state_.refusal = {grpc::StatusCode::ALREADY_EXISTS, "127.0.0.1:80/tcp is taken"};
  const CliResult result = RunCli({"publish", "web", "80:80"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "sluice: cannot publish 127.0.0.1:80->80/tcp: 127.0.0.1:80/tcp is taken\n");
}

}  // namespace
}  // namespace sluice::cli
