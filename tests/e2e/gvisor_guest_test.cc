// Containers in gVisor (runsc): the guest's kernel, with its network stack, is a
// process of the host's. What it can do is done; what it cannot is refused.

#include <signal.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

constexpr absl::Duration kPollPeriod = absl::Milliseconds(50);
constexpr char kLanRule[] = "rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3/32' } }";
constexpr char kLan[] = "http://10.1.2.3/";
constexpr char kOtherLan[] = "http://172.20.0.1/";

class GvisorGuestTest : public E2eTest {
 protected:
  static void SetUpTestSuite() {
    StartSuite({.resolv_conf = "", .flags = {"--oci_runtime=runsc"}, .leave_sandboxes = true});
  }

  static std::string Shell(const std::string& id, const std::string& script) {
    const ExecResult result = Run(id, {"sh", "-c", script});
    return absl::StrCat(result.out, result.err);
  }
  // Whether a program runs in the guest whose arguments are `command`.
  static bool Runs(const std::string& id, const std::string& command) {
    return absl::StrContains(Shell(id, "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '"), command);
  }
  static void ExpectEnds(const std::string& id, const std::string& command) {
    const absl::Time deadline = absl::Now() + kEventTimeout;
    bool runs = true;
    while ((runs = Runs(id, command)) && absl::Now() < deadline) absl::SleepFor(kPollPeriod);
    EXPECT_FALSE(runs) << command;
  }
  static absl::StatusOr<ExecResult> Exec(const std::string& id, absl::string_view start) {
    v1::ExecStart message = Proto<v1::ExecStart>(start);
    message.set_sandbox_id(id);
    GuestExec exec(client(), message);
    exec.CloseInput();
    return exec.Wait();
  }
  static absl::StatusCode CodeOf(const std::string& id, absl::string_view start) {
    return Exec(id, start).status().code();
  }
};

TEST_F(GvisorGuestTest, RunsProgramsAsTheCallerSays) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  v1::ExecStart start = Proto<v1::ExecStart>(
      "args: 'sh' args: '-c' args: 'echo $A $(id -u):$(id -g) $(pwd); cat; echo error >&2; exit 9'"
      "env { key: 'A' value: 'b c' } user: '1234:567' working_directory: '/usr/bin'");
  start.set_sandbox_id(id);
  GuestExec exec(client(), start);
  exec.Write("input\n");
  exec.CloseInput();
  const absl::StatusOr<ExecResult> result = exec.Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "b c 1234:567 /usr/bin\ninput\n");
  EXPECT_EQ(result->err, "error\n");
  EXPECT_EQ(result->code, 9);
  // It is gVisor's kernel that it runs on.
  EXPECT_THAT(Shell(id, "cat /proc/version"), HasSubstr("Linux version 4.4.0"));
}

TEST_F(GvisorGuestTest, TheEndOfItsFirstProcessIsTold) {
  const std::string id = Create(
      "guest { oci { args: 'sh' args: '-c' args: 'exit 42' } } network { policy { preset: PRESET_NONE } }");
  const auto stopped = client().AwaitSandbox([&id](const v1::Sandbox& sandbox) {
    return sandbox.id() == id && sandbox.state() == v1::Sandbox::STATE_STOPPED;
  });
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_EQ(stopped->state_message(), "the guest's first process exited with status 42");
  EXPECT_EQ(CodeOf(id, "args: 'true'"), absl::StatusCode::kFailedPrecondition);
}

TEST_F(GvisorGuestTest, SaysWhatIsWrongWithAProgram) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  EXPECT_EQ(CodeOf(id, "args: 'nope'"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(id, "args: '/nope'"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(id, "args: '/etc/passwd'"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(id, "args: 'true' working_directory: '/nowhere'"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(id, "args: 'true' working_directory: '/usr'"), absl::StatusCode::kOk);
}

TEST_F(GvisorGuestTest, AProgramEndsWithItsCallAndItsGroupWithIt) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  {
    GuestExec exec(client(), id, {"sh", "-c", "sleep 1234 & echo ready; wait"});
    ASSERT_EQ(exec.ReadLine().value_or(""), "ready");
    EXPECT_TRUE(Runs(id, "sleep 1234"));
  }
  ExpectEnds(id, "sleep 1234");
}

TEST_F(GvisorGuestTest, ASignalReachesTheProgramsGroupAndNoOther) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  const std::vector<std::string> program = {
      "sh", "-c",
      "trap 'echo shell' USR1;"
      "sh -c 'trap \"echo child; exit\" USR1; echo ready; while :; do sleep 0.1; done' &"
      "wait; wait; exit 6"};
  GuestExec other(client(), id, program);
  ASSERT_EQ(other.ReadLine().value_or(""), "ready");
  GuestExec exec(client(), id, program);
  ASSERT_EQ(exec.ReadLine().value_or(""), "ready");
  exec.Signal(SIGUSR1);
  const absl::StatusOr<ExecResult> result = exec.Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->out, AnyOf("shell\nchild\n", "child\nshell\n"));
  EXPECT_EQ(result->code, 6);
  other.Signal(SIGKILL);
  const absl::StatusOr<ExecResult> killed = other.Wait();
  ASSERT_TRUE(killed.ok()) << killed.status();
  EXPECT_EQ(killed->out, "");
  EXPECT_EQ(killed->code, 128 + SIGKILL);
}

TEST_F(GvisorGuestTest, ATerminalIsATerminal) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  const absl::StatusOr<ExecResult> result = Exec(
      id,
      "terminal { columns: 90 }"
      "args: 'sh' args: '-c' args: 'until stty size | grep -x \"24 90\"; do :; done; exit 3'");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "24 90\r\n");
  EXPECT_EQ(result->code, 3);
}

// The server's view of the first process's root is of no file of the guest's.
TEST_F(GvisorGuestTest, ItsFilesAreReachedFromWithin) {
  const std::string id = CreateOci("preset: PRESET_NONE");
  EXPECT_EQ(Shell(id, "echo hello >/tmp/greeting; cat /tmp/greeting"), "hello\n");
  for (const char* path : {"/tmp/greeting", "/etc/passwd", "/"}) {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    v1::StatFileRequest request;
    request.set_sandbox_id(id);
    request.set_path(path);
    v1::StatFileResponse response;
    const grpc::Status status = client().guests().StatFile(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << path;
    EXPECT_THAT(status.error_message(), HasSubstr("run a program in it"));
  }
}

TEST_F(GvisorGuestTest, ItsNetworkIsThePolicys) {
  const std::string id = CreateOci(kLanRule);
  EXPECT_EQ(Run(id, Curl(kLan)).out, "internal service\n");
  EXPECT_EQ(Run(id, Curl(kOtherLan)).code, kCurlCannotConnect);
  EXPECT_EQ(Run(id, Dig("10.0.2.3", "web.example.com")).out, "93.184.216.34\n");
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, Curl("http://web.example.com/hello")).code, 0);
  EXPECT_EQ(Run(id, Curl("http://[2606:2800:220:1::1]/hello")).code, 0);
  EXPECT_EQ(Run(id, Curl(kLan)).code, kCurlCannotConnect);
}

TEST_F(GvisorGuestTest, APublishedPortLeadsIn) {
  const std::string id = CreateOci("preset: PRESET_PUBLIC_ONLY");
  GuestExec server(client(), id, WhoAmIServer(8000));
  ASSERT_EQ(server.ReadLine().value_or(""), "ready");
  const v1::PortMapping port = Publish(id, "guest_port: 8000");
  EXPECT_EQ(RunOnHost(Curl(absl::StrCat("http://127.0.0.1:", port.host_port(), "/"))).out, "10.0.2.2\n");
}

TEST_F(GvisorGuestTest, AnInterfaceThatComesLaterIsRefused) {
  const auto expect_refused = [](const std::string& id) {
    v1::SetNetworkPolicyRequest request = Proto<v1::SetNetworkPolicyRequest>("policy { preset: PRESET_PUBLIC_ONLY }");
    request.set_sandbox_id(id);
    const absl::Status status = client().SetPolicy(request).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr("takes its interface when it starts"));
    EXPECT_NE(Run(id, Curl("http://93.184.216.34/hello", 1)).code, 0);
    EXPECT_EQ(client().Get(id).value_or(v1::Sandbox()).network().policy().preset(), v1::PRESET_NONE);
  };
  expect_refused(CreateOci("preset: PRESET_NONE"));
  const std::string id = CreateOci("preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Run(id, Curl("http://93.184.216.34/hello")).code, 0);
  SetPolicy(id, "preset: PRESET_NONE");
  expect_refused(id);
}

TEST_F(GvisorGuestTest, WhatItsKernelWouldNotSurviveIsRefused) {
  const auto limited = client().Create(Proto<v1::Sandbox>("guest { oci { max_processes: 100 } }"));
  EXPECT_TRUE(absl::IsInvalidArgument(limited.status())) << limited.status();
  EXPECT_THAT(limited.status().message(), HasSubstr("max_processes"));
  EXPECT_EQ(Run(Create("guest { oci { memory_bytes: 268435456 } }"), {"true"}).code, 0);
}

TEST_F(GvisorGuestTest, GoesOnWithTheNextServer) {
  const std::string id = CreateOci(kLanRule);
  GuestExec exec(client(), id, {"sh", "-c", "echo ready; sleep 1000"});
  ASSERT_EQ(exec.ReadLine().value_or(""), "ready");
  ASSERT_TRUE(server().End(SIGKILL).ok());
  StartServer();
  EXPECT_EQ(Run(id, Curl(kLan)).out, "internal service\n");
  EXPECT_EQ(Run(id, Curl(kOtherLan)).code, kCurlCannotConnect);
  EXPECT_TRUE(client().Delete(id).ok());
}

TEST_F(GvisorGuestTest, NothingIsLeft) {
  const auto run = [] {
    const std::string id = client().Create(Proto<v1::Sandbox>("guest { oci {} }")).value_or(v1::Sandbox()).id();
    EXPECT_EQ(RunInGuest(client(), id, {"nope"}).status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(Run(id, {"sh", "-c", "sleep 1000 & true"}).code, 0);
    EXPECT_TRUE(client().Delete(id).ok());
  };
  run();
  const std::multiset<std::string> before = Leavings(lab(), server());
  run();
  EXPECT_EQ(NewLeavings(lab(), server(), before), "");
  // Nor of those that were children of an earlier server.
  EXPECT_THAT(RunOnHost({"sh", "-c", "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '"}).out,
              Not(HasSubstr(absl::StrCat("runsc-sandbox --root=", server().state_dir()))));
}

}  // namespace
}  // namespace sluice::e2e
