// create, get, list, delete, and what all commands share.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "clients/cli/json.h"
#include "clients/cli/testing/cli_test_base.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace sluice::cli {
namespace {

using SandboxCommandsTest = CliTestBase;

TEST_F(SandboxCommandsTest, CreateTakesVirtualMachines) {
  EXPECT_EQ(RunCli({"create", "--kernel", "/k", "--initrd", "/i", "--disk", "/d", "--append", "quiet x=y", "--memory",
                    "1GiB", "--cpus", "2"})
                .exit_code,
            0);
  EXPECT_EQ(RunCli({"create", "--socket", "datagram", "--socket-path", "/run/vm.sock"}).exit_code, 0);
  ASSERT_EQ(state_.creates.size(), 2u);
  EXPECT_EQ(JsonLine(state_.creates[0].sandbox().guest()),
            R"({"vm":{"kernel":"/k","initrd":"/i","disk":"/d","kernel_arguments":"quiet x=y",)"
            R"("memory_bytes":"1073741824","cpus":2}})");
  EXPECT_EQ(JsonLine(state_.creates[1].sandbox().guest()),
            R"({"socket":{"path":"/run/vm.sock","framing":"FRAMING_DATAGRAM"}})");
  EXPECT_EQ(RunCli({"create", "--kernel", "/k", "--", "true"}).exit_code, 2);
  EXPECT_EQ(RunCli({"create", "--kernel", "/k", "--socket", "stream"}).exit_code, 2);
  EXPECT_EQ(RunCli({"create", "--disk", "/d"}).exit_code, 2);
  EXPECT_EQ(RunCli({"create", "--kernel", "/k", "--user", "0"}).exit_code, 2) << "nothing is left out in silence";
  EXPECT_EQ(RunCli({"create", "--socket", "stream", "--memory", "1GiB"}).exit_code, 2);
  EXPECT_EQ(state_.creates.size(), 2u);
}

TEST_F(SandboxCommandsTest, CreateSendsWhatTheOptionsSay) {
  const CliResult result = RunCli({"create",
                                   "--name",
                                   "web",
                                   "--policy",
                                   "allowlist",
                                   "--allow",
                                   "*.pypi.org:443",
                                   "--deny",
                                   "public",
                                   "--allow",
                                   "any",
                                   "-p",
                                   "8080:80",
                                   "-p",
                                   "[::1]:53:53/udp",
                                   "--rootfs",
                                   "/srv/./root",
                                   "-e",
                                   "A=b=c",
                                   "-u",
                                   "1000",
                                   "-w",
                                   "/srv",
                                   "-l",
                                   "team=ci",
                                   "--memory",
                                   "512M",
                                   "--cpus",
                                   "1.5",
                                   "--processes",
                                   "64",
                                   "--audit-max-bytes",
                                   "1M",
                                   "--audit-max-age",
                                   "10m",
                                   "--drop",
                                   "--",
                                   "nginx",
                                   "--flag",
                                   "--"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "web\n");
  ASSERT_EQ(state_.creates.size(), 1u);
  const v1::Sandbox& sandbox = state_.creates[0].sandbox();
  EXPECT_EQ(JsonLine(sandbox.network()),
            R"({"policy":{"preset":"PRESET_ALLOWLIST","rules":[)"
            R"({"action":"ACTION_ALLOW","peers":[{"domain":"*.pypi.org"}],"ports":[{"first":443}]},)"
            R"({"action":"ACTION_DENY","peers":[{"group":"ADDRESS_GROUP_PUBLIC"}]},)"
            R"({"action":"ACTION_ALLOW"}],"deny_response":"DENY_RESPONSE_DROP"},"ports":[)"
            R"({"protocol":"PROTOCOL_TCP","host_port":8080,"guest_port":80},)"
            R"({"protocol":"PROTOCOL_UDP","host_address":"::1","host_port":53,"guest_port":53}],)"
            R"("audit":{"max_bytes":"1048576","max_age":"600s"}})");
  EXPECT_EQ(JsonLine(sandbox.guest()),
            R"({"oci":{"rootfs":"/srv/root","args":["nginx","--flag","--"],"env":{"A":"b=c"},)"
            R"("working_directory":"/srv","user":"1000","memory_bytes":"536870912","cpus":1.5,"max_processes":64}})");
  EXPECT_EQ(sandbox.labels().at("team"), "ci");
}

TEST_F(SandboxCommandsTest, CreateKeepsTheServersRetentionUnlessTold) {
  EXPECT_EQ(RunCli({"create"}).exit_code, 0);
  ASSERT_EQ(state_.creates.size(), 1u);
  EXPECT_FALSE(state_.creates[0].sandbox().network().has_audit());
  const CliResult wrong = RunCli({"create", "--audit-max-age", "week"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("--audit-max-age: \"week\" is not a duration"), std::string::npos) << wrong.err;
}

TEST_F(SandboxCommandsTest, CreateTakesANamespace) {
  const CliResult result =
      RunCli({"create", "--netns", "/run/netns/box", "--interface", "lan0", "-o", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(state_.creates.size(), 1u);
  EXPECT_EQ(JsonLine(state_.creates[0].sandbox().guest()),
            R"({"netns":{"path":"/run/netns/box","interface_name":"lan0"}})");
  EXPECT_EQ(nlohmann::json::parse(result.out)["id"], "made-up");

  EXPECT_EQ(RunCli({"create", "--pid", "7"}).exit_code, 0);
  EXPECT_EQ(state_.creates[1].sandbox().guest().netns().pid(), 7);
  EXPECT_EQ(RunCli({"create", "--pid", "7", "--", "ls"}).exit_code, 2);
  const CliResult nobody = RunCli({"create", "--pid", "0"});
  EXPECT_EQ(nobody.exit_code, 2);
  EXPECT_EQ(nobody.err, "sluice: --pid: 0 is not a number above 0: see `sluice create --help`\n");
  EXPECT_EQ(RunCli({"create", "--pid", "7", "--rootfs", "/"}).exit_code, 2);
}

TEST_F(SandboxCommandsTest, AnUnknownSubcommandIsNamed) {
  const CliResult typo = RunCli({"lsit", "-o", "json"});
  EXPECT_EQ(typo.exit_code, 2);
  EXPECT_EQ(typo.err, "sluice: sluice has no subcommand lsit: see `sluice --help`\n");
  EXPECT_EQ(RunCli({"policy", "sett", "web"}).err,
            "sluice: sluice policy has no subcommand sett: see `sluice policy --help`\n");
  EXPECT_EQ(RunCli({}).err, "sluice: A subcommand is required: see `sluice --help`\n");
  EXPECT_EQ(RunCli({"list"}).exit_code, 0);
}

TEST_F(SandboxCommandsTest, RefusalNamesTheFieldsInOneLine) {
  google::rpc::BadRequest bad_request;
  bad_request.add_field_violations()->set_field("sandbox.id");
  bad_request.mutable_field_violations(0)->set_description("must match [a-z]...");
  google::rpc::Status details;
  details.add_details()->PackFrom(bad_request);
  state_.refusal = {grpc::StatusCode::INVALID_ARGUMENT, "invalid", details.SerializeAsString()};
  const CliResult result = RunCli({"create", "--name", "-"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "sluice: cannot create the sandbox: sandbox.id: must match [a-z]...\n");
}

TEST_F(SandboxCommandsTest, GetShowsOneAsTextAndAsJson) {
  RunCli({"create", "--name", "list"});  // a name that is a command, too
  CliResult result = RunCli({"get", "list"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out.substr(0, 22), "Id      list\nState   r");
  result = RunCli({"get", "list", "-o", "json"});
  EXPECT_EQ(nlohmann::json::parse(result.out)["state"], "STATE_RUNNING");
}

TEST_F(SandboxCommandsTest, GetOfNoneSaysWhereToLook) {
  const CliResult result = RunCli({"get", "nope"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "sluice: cannot get nope: there is no sandbox \"nope\": `sluice list` shows the sandboxes that "
            "exist\n");
}

TEST_F(SandboxCommandsTest, ListReadsEveryPage) {
  state_.page_size = 2;
  for (const char* name : {"a", "b", "c", "d", "e"}) RunCli({"create", "--name", name});
  const CliResult table = RunCli({"list"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_EQ(std::count(table.out.begin(), table.out.end(), '\n'), 6);
  const nlohmann::json array = nlohmann::json::parse(RunCli({"list", "-o", "json"}).out);
  ASSERT_EQ(array.size(), 5u);
  EXPECT_EQ(array[4]["id"], "e");
}

TEST_F(SandboxCommandsTest, EmptyListSaysSoAsideOfItsOutput) {
  CliResult result = RunCli({"list"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "sluice: no sandboxes: `sluice create` makes one\n");
  EXPECT_EQ(RunCli({"list", "-o", "json"}).out, "[]\n");
}

TEST_F(SandboxCommandsTest, DeleteGoesOnPastAFailure) {
  RunCli({"create", "--name", "a"});
  RunCli({"create", "--name", "b"});
  const CliResult result = RunCli({"delete", "a", "nope", "b"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "a\nb\n");
  EXPECT_EQ(state_.deletes, (std::vector<std::string>{"a", "nope", "b"}));
}

TEST_F(SandboxCommandsTest, GlobalOptionsStandAnywhere) {
  EXPECT_EQ(RunCli({"-o", "json", "list"}).out, "[]\n");
  EXPECT_EQ(RunCli({"list", "--output=json"}).out, "[]\n");
  EXPECT_EQ(RunCli({"list", "--server", "unix:/nonexistent.sock"}).exit_code, 3);
}

TEST_F(SandboxCommandsTest, UnreachableServerIsAHint) {
  const CliResult result = RunCli({"--server", "unix:/nonexistent.sock", "list"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(
      result.err,
      "sluice: cannot reach the server at unix:/nonexistent.sock: No such file or directory: is sluiced "
      "running? --server or SLUICE_SERVER says where\n");
}

TEST_F(SandboxCommandsTest, UnavailableFromAServerThatIsThereIsARefusal) {
  state_.refusal = {grpc::StatusCode::UNAVAILABLE, "the worker is being replaced"};
  const CliResult result = RunCli({"list"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "sluice: cannot list the sandboxes: the worker is being replaced: try again in a moment\n");
}

TEST_F(SandboxCommandsTest, UsageErrorsAreOneLineAndReachNoServer) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"frobnicate"},
      {"get"},
      {"get", "a", "b"},
      {"get", "a", "--", "ls"},
      {"list", "-o", "xml"},
      {"list", "--label", "novalue"},
      {"list", "--server", "nowhere"},
      {"create", "--allow", "10.0.0.0/99"},
      {"create", "--policy", "everything"},
      {"create", "-p", "80"},
      {"create", "--env", "=x"},
      {"policy"},
  };
  for (const std::vector<std::string>& arguments : wrong) {
    const CliResult result = RunCli(arguments);
    const std::string shown = testing::PrintToString(arguments) + result.err;
    EXPECT_EQ(result.exit_code, 2) << shown;
    EXPECT_EQ(result.out, "") << shown;
    EXPECT_EQ(result.err.substr(0, 8), "sluice: ") << shown;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << shown;
  }
  EXPECT_TRUE(state_.creates.empty());
}

TEST_F(SandboxCommandsTest, HelpOfEveryCommandHasExamples) {
  const std::vector<std::vector<std::string>> commands = {
      {},          {"run"},       {"create"},        {"get"},           {"list"},   {"delete"}, {"exec"},
      {"publish"}, {"unpublish"}, {"policy", "set"}, {"policy", "get"}, {"policy"}, {"audit"}};
  for (std::vector<std::string> arguments : commands) {
    arguments.push_back("--help");
    const CliResult result = RunCli(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find("Examples:\n  sluice "), result.out.npos) << result.out;
  }
}

}  // namespace
}  // namespace sluice::cli
