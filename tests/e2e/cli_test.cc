// The command line against the real server: each subcommand as a person or a
// script uses it.

#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

// clients/cli/exit_code.h
constexpr int kUnreachable = 3;
constexpr int kOwnFailure = 125;
constexpr int kNotAProgram = 126;
constexpr int kNoProgram = 127;

class CliTest : public E2eTest {
 protected:
  static lab::CommandResult Sluice(const std::vector<std::string>& args, const std::string& input = "",
                                   const std::string& address = server().unix_address()) {
    Command command = {Runfile("clients/cli/sluice"), "--server", address};
    command.insert(command.end(), args.begin(), args.end());
    const auto result = lab::RunCommand(command, absl::Seconds(60), input);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  }
  // Its output, where it succeeds.
  static std::string Output(const std::vector<std::string>& args) {
    const lab::CommandResult result = Sluice(args);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  // What it complains of, in one line, where it exits with `code`.
  static std::string Complaint(const std::vector<std::string>& args, int code) {
    const lab::CommandResult result = Sluice(args);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_THAT(result.err, StartsWith("sluice: "));
    return result.err;
  }
  static size_t Sandboxes() { return json::parse(Output({"list", "-o", "json"})).size(); }
};

TEST_F(CliTest, RunIsItsCommandAndLeavesNothing) {
  const lab::CommandResult result = Sluice({"run", "--", "sh", "-c", "cat; echo err >&2; exit 42"}, "input");
  EXPECT_EQ(result.exit_code, 42);
  EXPECT_EQ(result.out, "input");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(Sluice({"run", "--", "sh", "-c", "kill -TERM $$"}).exit_code, 128 + SIGTERM);
  EXPECT_THAT(Complaint({"run", "--", "no-such-program"}, kNoProgram), HasSubstr("there is no program no-such-program"));
  EXPECT_THAT(Complaint({"run", "--", "/etc/passwd"}, kNotAProgram), HasSubstr("is not a program that this user may run"));
  EXPECT_EQ(Sandboxes(), 0u);
}

TEST_F(CliTest, RunAllowsAndDenies) {
  const std::string page = "http://10.1.2.3/";
  const std::vector<std::string> curl = {"curl", "--silent", "--max-time", "10", page};
  const auto run = [&curl](std::vector<std::string> options) {
    options.insert(options.begin(), "run");
    options.push_back("--");
    options.insert(options.end(), curl.begin(), curl.end());
    return Sluice(options);
  };
  EXPECT_EQ(run({}).exit_code, kCurlCannotConnect);
  EXPECT_EQ(run({"--allow", "10.1.2.3:80"}).out, "internal service\n");
  EXPECT_EQ(run({"--allow", "10.1.2.3:443"}).exit_code, kCurlCannotConnect);
  EXPECT_EQ(run({"--deny", "10.1.2.3", "--allow", "private"}).exit_code, kCurlCannotConnect);
  EXPECT_EQ(run({"--policy", "allow_all"}).out, "internal service\n");
  EXPECT_EQ(run({"--policy", "none"}).exit_code, kCurlCannotConnect);
}

TEST_F(CliTest, RunPublishesPorts) {
  const lab::CommandResult result =
      Sluice({"run", "-p", "127.0.0.1:0:80", "-p", "0:53/udp", "--", "true"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const v1::PortMapping taken = Publish(CreateOci(""), "guest_port: 80");
  EXPECT_THAT(Complaint({"run", "-p", absl::StrCat(taken.host_port(), ":80"), "--", "true"}, kOwnFailure),
              HasSubstr("of the host is taken"));
}

TEST_F(CliTest, ASandboxFromCreateToDelete) {
  EXPECT_EQ(Output({"create", "--name", "cli", "--label", "team=ci", "--allow", "10.1.2.3:80"}), "cli\n");
  DeleteLater("cli");
  EXPECT_THAT(Complaint({"create", "--name", "cli"}, 1), HasSubstr("there is a sandbox cli already"));

  EXPECT_THAT(Output({"list"}), MatchesRegex("ID .*AGE\ncli +running +oci +public_only +- +[0-9]+ s\n"));
  EXPECT_EQ(json::parse(Output({"list", "-l", "team=ci", "-o", "json"}))[0]["id"], "cli");
  EXPECT_EQ(Output({"list", "-l", "team=other", "-o", "json"}), "[]\n");
  EXPECT_THAT(Output({"get", "cli"}), HasSubstr("allow 10.1.2.3:80"));
  const json sandbox = json::parse(Output({"get", "cli", "-o", "json"}));
  EXPECT_EQ(sandbox["state"], "STATE_RUNNING");
  EXPECT_EQ(sandbox["network_status"]["ipv4_address"], "10.0.2.15");

  EXPECT_EQ(Output({"exec", "cli", "-w", "/tmp", "-e", "A=b", "--", "sh", "-c", "pwd; echo $A"}), "/tmp\nb\n");
  EXPECT_EQ(Sluice({"exec", "cli", "--", "sh", "-c", "exit 7"}).exit_code, 7);

  EXPECT_EQ(Output({"delete", "cli"}), "cli\n");
  EXPECT_THAT(Complaint({"get", "cli"}, 1), HasSubstr("there is no sandbox cli"));
}

TEST_F(CliTest, SaysWhetherTheSandboxOrTheProgramIsMissing) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Complaint({"exec", "nobody", "--", "true"}, kOwnFailure),
            "sluice: cannot run true in nobody: there is no sandbox nobody: `sluice list` shows the sandboxes that "
            "exist\n");
  EXPECT_EQ(Complaint({"exec", id, "--", "nope"}, kNoProgram),
            absl::StrCat("sluice: cannot run nope in ", id, ": there is no program nope in the guest\n"));
}

TEST_F(CliTest, PortsComeAndGo) {
  const std::string id = CreateOci("");
  const json port = json::parse(Output({"publish", id, "0:80", "-o", "json"}));
  const std::string number = absl::StrCat(port["host_port"].get<int>());
  EXPECT_THAT(Output({"list"}), HasSubstr(absl::StrCat("127.0.0.1:", number, "->80/tcp")));
  EXPECT_THAT(Complaint({"publish", id, absl::StrCat(number, ":80")}, 1), HasSubstr("is taken"));
  EXPECT_EQ(Output({"unpublish", id, number}), absl::StrCat("unpublished ", number, ", 0 flows ended\n"));
  EXPECT_THAT(Complaint({"unpublish", id, number}, 1), HasSubstr("has not published port"));
}

TEST_F(CliTest, APolicyIsSetAndShown) {
  const std::string id = CreateOci("");
  Output({"policy", "set", id, "--policy", "allowlist", "--allow", "10.1.2.3:80"});
  EXPECT_EQ(Run(id, Curl("http://10.1.2.3/")).out, "internal service\n");
  EXPECT_EQ(Run(id, Curl("http://93.184.216.34/")).code, kCurlCannotConnect);
  const json policy = json::parse(Output({"policy", "get", id, "-o", "json"}));
  EXPECT_THAT(policy.dump(), HasSubstr("PRESET_ALLOWLIST"));
  // What it prints can be set again.
  EXPECT_EQ(Sluice({"policy", "set", id, "-f", "-"}, Output({"policy", "get", id})).exit_code, 0);
  EXPECT_EQ(json::parse(Output({"policy", "get", id, "-o", "json"})), policy);
}

TEST_F(CliTest, TheAuditTrailIsATableOrOneObjectALine) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Run(id, Curl("http://10.1.2.3/")).code, kCurlCannotConnect);
  AwaitEvent(id, Denied("10.1.2.3", 80, v1::Verdict::REASON_DEFAULT));
  const std::string table = Output({"audit", id, "--denied"});
  EXPECT_THAT(table, StartsWith("TIME"));
  EXPECT_THAT(table, HasSubstr("DENY"));
  EXPECT_THAT(table, HasSubstr("10.1.2.3:80"));
  for (const absl::string_view line : absl::StrSplit(Output({"audit", id, "-o", "json"}), '\n', absl::SkipEmpty())) {
    const json event = json::parse(line.begin(), line.end());
    EXPECT_EQ(event["sandbox_id"], id);
    EXPECT_TRUE(event.contains("sequence"));
  }
}

TEST_F(CliTest, ErrorsNameTheFieldAndNoServerIsTold) {
  EXPECT_THAT(Complaint({"create", "--name", "Not-An-Id"}, 1), HasSubstr("sandbox.id: "));
  EXPECT_THAT(Complaint({"create", "--rootfs", "/nowhere"}, 1), HasSubstr("sandbox.guest.oci.rootfs: "));
  const lab::CommandResult nobody = Sluice({"list"}, "", "unix:/nowhere/api");
  EXPECT_EQ(nobody.exit_code, kUnreachable);
  EXPECT_THAT(nobody.err, HasSubstr("is sluiced running?"));
  EXPECT_THAT(Complaint({"frobnicate"}, 2), HasSubstr("--help"));
}

}  // namespace
}  // namespace sluice::e2e
