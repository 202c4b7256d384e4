// policy set, policy get, publish and unpublish.

#include <gtest/gtest.h>

#include <string>

#include "clients/cli/json.h"
#include "clients/cli/testing/cli_test_base.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

using PolicyCommandsTest = CliTestBase;
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
  RunCli({"create", "--name", "web", "--policy", "allowlist", "--allow", "*.pypi.org:443,8443/tcp"});
  const CliResult printed = RunCli({"policy", "get", "web"});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  const std::string file = directory_.Path("policy.json");
  ASSERT_TRUE(WriteFile(file, printed.out).ok());
  EXPECT_EQ(RunCli({"policy", "set", "web", "-f", file}).exit_code, 0);
  ASSERT_EQ(state_.policies.size(), 1u);
  EXPECT_EQ(JsonLine(state_.policies[0].policy()), JsonLine(state_.creates[0].sandbox().network().policy()));

  CliProcess process({"policy", "set", "web", "-f", "-", "-o", "json"}, address_);
  process.WriteInput(printed.out);
  process.CloseInput();
  EXPECT_EQ(process.Wait().out, "{\"policy_generation\":\"3\",\"flows_closed\":\"1\"}\n");
}

TEST_F(PolicyCommandsTest, SetTakesYamlByItsName) {
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
