// The server ends, in every way, and another goes on; workers end, and others
// take their place.

#include <signal.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"
#include "tests/e2e/restart_fixture.h"

namespace sluice::e2e {
namespace {

using testing::HasSubstr;

using RestartTest = RestartFixture;

TEST_F(RestartTest, SandboxesGoOnWithoutTheServerAndWithTheNext) {
  const std::multiset<std::string> nothing = Leavings(lab(), server());
  for (const int signal : {SIGKILL, SIGTERM}) {
    SCOPED_TRACE(signal);
    const v1::Sandbox before = CreateEcho();
    const auto talk = Talk(before);
    ASSERT_NE(talk, nullptr);
    ASSERT_TRUE(server().End(signal).ok());
    ExpectGoesOn(*talk);
    ExpectAnswers(before);
    ASSERT_NO_FATAL_FAILURE(StartServer());
    ExpectGoesOn(*talk);
    ExpectAnswers(before);
    v1::Sandbox after = Get(before.id());
    after.set_etag(before.etag());
    EXPECT_EQ(after.DebugString(), before.DebugString());
    ExpectEnforced(before.id());
    EXPECT_EQ(SetPolicy(before.id(), "preset: PRESET_ALLOW_ALL").policy_generation(), 2u);
    EXPECT_EQ(Run(before.id(), Curl(absl::StrCat("http://", kLan, "/"))).code, 0);
    const v1::PortMapping more = Publish(before.id(), "guest_port: 8000");
    EXPECT_NE(more.host_port(), PortOf(before));
    ExpectGoesOn(*talk);
    ExpectDense(before.id());
    EXPECT_TRUE(client().Delete(before.id()).ok());
  }
  EXPECT_EQ(NewLeavings(lab(), server(), nothing), "");
}

TEST_F(RestartTest, ARequestSentAgainToTheNextServerGetsTheFirstAnswer) {
  v1::CreateSandboxRequest request;
  *request.mutable_sandbox() = Proto<v1::Sandbox>("guest { oci {} }");
  request.set_request_id("r1");
  const auto create = [&request](v1::CreateSandboxResponse& response) {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    context.set_wait_for_ready(true);
    return client().sandboxes().CreateSandbox(&context, request, &response);
  };
  v1::CreateSandboxResponse first, again;
  ASSERT_TRUE(create(first).ok());
  DeleteLater(first.sandbox().id());
  ASSERT_NO_FATAL_FAILURE(KillAndStartServer());
  ASSERT_TRUE(create(again).ok());
  EXPECT_EQ(again.DebugString(), first.DebugString());
  (*request.mutable_sandbox()->mutable_labels())["other"] = "content";
  EXPECT_EQ(create(again).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(RestartTest, ACreationThatIsCutOffIsUndoneOrFinishedAndMayBeSentAgain) {
  const std::multiset<std::string> nothing = Leavings(lab(), server());
  v1::CreateSandboxRequest request;
  *request.mutable_sandbox() = Proto<v1::Sandbox>("guest { oci {} } network { ports { guest_port: 8000 } }");
  const auto create = [&request](v1::CreateSandboxResponse& response) {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    context.set_wait_for_ready(true);
    return client().sandboxes().CreateSandbox(&context, request, &response);
  };
  // In the order in which they come to be.
  for (const char* step : {"sandboxes/*", "guests/*", "sandboxes/*/worker.pid", "sandboxes/*/sockets/numbers",
                           "guests/*/config.json", "oci/*/state.json"}) {
    SCOPED_TRACE(step);
    request.set_request_id(absl::StrCat("cut off at ", step));
    v1::CreateSandboxResponse first, again;
    grpc::Status cut_off;
    std::thread caller([&] { cut_off = create(first); });
    KillServerOnce(step);
    caller.join();
    ASSERT_NO_FATAL_FAILURE(StartServer());
    const auto left = client().List({});
    ASSERT_TRUE(left.ok()) << left.status();
    if (left->empty()) {
      EXPECT_FALSE(cut_off.ok()) << "what was answered is there";
      EXPECT_EQ(NewLeavings(lab(), server(), nothing), "");
    }
    const grpc::Status finished = create(again);
    ASSERT_TRUE(finished.ok()) << finished.error_message();
    EXPECT_EQ(client().List({})->size(), 1u);
    if (!left->empty()) {
      EXPECT_EQ(left->front(), again.sandbox().id());
    }
    ExpectEnforced(again.sandbox().id());
    EXPECT_TRUE(client().Delete(again.sandbox().id()).ok());
    EXPECT_EQ(NewLeavings(lab(), server(), nothing), "");
  }
}

TEST_F(RestartTest, AVmmOnASocketIsNotDisturbedByTheServersEnd) {
  for (const char* framing : {"stream", "datagram", "open-datagram"}) {
    SCOPED_TRACE(framing);
    const bool datagrams = std::string(framing) != "stream";
    const v1::Sandbox sandbox = Get(Create(absl::StrCat("guest { socket { framing: ",
                                                        datagrams ? "FRAMING_DATAGRAM" : "FRAMING_STREAM", " } }")));
    auto vmm = lab().Spawn(lab::Ns::kHost, {"/usr/bin/python3", "-B", "tests/e2e/ethernet_guest.py", framing,
                                            sandbox.network_status().socket_path(), "arp", "wait", "arp",
                                            "get=93.184.216.34/hello", "wait", "arp", "get=93.184.216.34/hello",
                                            "get=10.1.2.3/", "wait", "arp"});
    ASSERT_TRUE(vmm.ok()) << vmm.status();
    const auto line = [&] { return (*vmm)->ReadLine(kSoon).value_or("nothing"); };
    const auto go_on = [&] { EXPECT_TRUE((*vmm)->Signal(SIGUSR1).ok()); };
    const std::string answer = "arp 52:55:0a:00:02:02";
    EXPECT_EQ(line(), answer);
    const pid_t worker = WorkerOf(sandbox);
    ASSERT_TRUE(server().End(SIGKILL).ok());
    go_on();
    EXPECT_EQ(line(), answer) << "without a server";
    EXPECT_THAT(line(), HasSubstr("get hello from the web"));
    ASSERT_NO_FATAL_FAILURE(StartServer());
    EXPECT_EQ(WorkerOf(sandbox), worker) << "it is adopted";
    go_on();
    EXPECT_EQ(line(), answer) << "with the next server";
    EXPECT_THAT(line(), HasSubstr("get hello from the web"));
    EXPECT_THAT(line(), HasSubstr("get refused"));
    ASSERT_EQ(kill(worker, SIGKILL), 0);
    AwaitReplaced(sandbox, worker);
    if (!datagrams) continue;  // of a stream the worker held the end
    go_on();
    EXPECT_EQ(line(), answer) << "with the next worker";
  }
}

TEST_F(RestartTest, WhatEndsWhileNoServerIsThereShows) {
  const v1::Sandbox guest_ends = CreateEcho();
  const v1::Sandbox worker_ends = CreateEcho();
  const pid_t worker = WorkerOf(worker_ends);
  ASSERT_TRUE(server().End(SIGKILL).ok());
  ASSERT_EQ(kill(GuestOf(guest_ends), SIGKILL), 0);
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  ASSERT_NO_FATAL_FAILURE(StartServer());
  EXPECT_EQ(Get(guest_ends.id()).state(), v1::Sandbox::STATE_STOPPED);
  EXPECT_THAT(Get(guest_ends.id()).state_message(), HasSubstr("ended while no server ran"));
  AwaitReplaced(worker_ends, worker);
  EXPECT_EQ(PortOf(Get(worker_ends.id())), PortOf(worker_ends));
  ExpectAnswers(worker_ends);
  ExpectEnforced(worker_ends.id());
  ExpectDense(worker_ends.id());
}

TEST_F(RestartTest, AGuestThatEndsLaterIsSeenByTheNextServer) {
  const v1::Sandbox sandbox = CreateEcho();
  ASSERT_NO_FATAL_FAILURE(KillAndStartServer());
  ASSERT_EQ(kill(GuestOf(sandbox), SIGKILL), 0);
  const auto stopped = client().AwaitSandbox(
      [&](const v1::Sandbox& of) { return of.id() == sandbox.id() && of.state() == v1::Sandbox::STATE_STOPPED; });
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_THAT(stopped->state_message(), HasSubstr("an earlier server had started it"));
}

TEST_F(RestartTest, ProgramsOfExecEndWithTheServerThatRanThem) {
  const v1::Sandbox sandbox = CreateEcho();
  GuestExec program(client(), sandbox.id(), {"sh", "-c", "trap '' HUP PIPE; echo on; exec sleep 987654"});
  ASSERT_TRUE(program.ReadLine().ok());
  ASSERT_EQ(Run(sandbox.id(), {"pgrep", "-f", "sleep 98765[4]"}).code, 0);
  ASSERT_NO_FATAL_FAILURE(KillAndStartServer());
  EXPECT_EQ(Run(sandbox.id(), {"pgrep", "-f", "sleep 98765[4]"}).code, 1);
  ExpectAnswers(sandbox);
}

TEST_F(RestartTest, AWorkerThatIsKilledIsReplaced) {
  const v1::Sandbox sandbox = CreateEcho("policy { preset: PRESET_PUBLIC_ONLY }");
  const auto talk = Talk(sandbox);
  ASSERT_NE(talk, nullptr);
  uint64_t open = 0;  // the talk's: the last that was opened
  for (const v1::AuditEvent& event : Events(sandbox.id())) {
    if (event.flow().phase() == v1::FlowEvent::PHASE_OPENED) open = event.flow().flow_id();
  }
  ASSERT_NE(open, 0u);
  const pid_t worker = WorkerOf(sandbox);
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  ExpectAnswers(sandbox);  // the port never closes: who comes meanwhile waits
  AwaitReplaced(sandbox, worker);
  absl::StatusOr<std::string> line;
  do {
    line = talk->ReadLine(kSoon);
  } while (line.ok() && *line != "lost");
  EXPECT_TRUE(line.ok()) << "its flows end with it: " << line.status();
  const v1::AuditEvent told = AwaitEvent(
      sandbox.id(), [](const v1::AuditEvent& event) { return event.lifecycle().state() == v1::Sandbox::STATE_DEGRADED; });
  EXPECT_THAT(told.lifecycle().message(),
              HasSubstr(absl::StrCat("flows that ended with it: 1, by flow_id ", open)));
  EXPECT_THAT(told.lifecycle().message(), HasSubstr("killed by signal 9"));
  ExpectEnforced(sandbox.id());
  // The twin of what is denied: one rule more.
  SetPolicy(sandbox.id(), "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }");
  EXPECT_EQ(Run(sandbox.id(), Curl(absl::StrCat("http://", kLan, "/"))).code, 0);
  ExpectDense(sandbox.id());
  for (const v1::AuditEvent& event : Events(sandbox.id())) {
    const bool later = event.sequence() > told.sequence() && event.flow().phase() == v1::FlowEvent::PHASE_OPENED;
    if (later) {
      EXPECT_GT(event.flow().flow_id(), open) << "ids are never used twice";
    }
  }
}

TEST_F(RestartTest, NamesAndBudgetsOutliveTheWorker) {
  const std::string id = CreateOci(
      "preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: 'web.example.com' } } ");
  const v1::Sandbox sandbox = Get(id);
  ASSERT_EQ(Run(id, Curl("http://web.example.com/hello")).code, 0);
  pid_t worker = WorkerOf(sandbox);
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  AwaitReplaced(sandbox, worker);
  // Without asking again: that the address is the name's is known from before.
  const Command unasked = {"curl", "-s", "-m", "5", "--resolve", absl::StrCat("web.example.com:80:", kWeb),
                           "http://web.example.com/hello"};
  EXPECT_EQ(Run(id, unasked).code, 0);

  const v1::Sandbox limited =
      Get(Create("guest { oci {} } network { limits { egress_bytes_total: 60000 } }"));
  const auto upload = [](int bytes) {
    return Python(
        "import socket, sys\n"
        "size = int(sys.argv[1])\n"
        "s = socket.create_connection(('198.35.26.96', 7), 5)\n"
        "s.settimeout(3)\n"
        "s.sendall(b'x' * size)\n"
        "n = 0\n"
        "while n < size: n += len(s.recv(65536)) or exit(1)",
        {absl::StrCat(bytes)});
  };
  const Command fetch = Curl(absl::StrCat("http://", kWeb, "/hello"), 3);
  EXPECT_EQ(Run(limited.id(), upload(30'000)).code, 0);
  worker = WorkerOf(limited);
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  AwaitReplaced(limited, worker);
  EXPECT_EQ(Run(limited.id(), fetch).code, 0) << "half of it is there";
  EXPECT_NE(Run(limited.id(), upload(50'000)).code, 0) << "but not the whole";
  worker = WorkerOf(limited);
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  AwaitReplaced(limited, worker);
  EXPECT_NE(Run(limited.id(), fetch).code, 0) << "it is spent";
  v1::UpdateSandboxRequest more;
  more.mutable_sandbox()->set_id(limited.id());
  more.mutable_sandbox()->mutable_network()->mutable_limits()->set_egress_bytes_total(1'000'000);
  more.mutable_update_mask()->add_paths("network.limits.egress_bytes_total");
  grpc::ClientContext context;
  v1::UpdateSandboxResponse updated;
  ASSERT_TRUE(client().sandboxes().UpdateSandbox(&context, more, &updated).ok());
  EXPECT_EQ(Run(limited.id(), fetch).code, 0) << "the twin: a larger budget";
}

TEST_F(RestartTest, SettingsThatWereChangedAreThoseOfTheNextWorker) {
  const v1::Sandbox sandbox = CreateEcho();
  SetPolicy(sandbox.id(), "preset: PRESET_ALLOW_ALL");
  const pid_t worker = WorkerOf(sandbox);
  ASSERT_NO_FATAL_FAILURE(KillAndStartServer());
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  AwaitReplaced(sandbox, worker);
  EXPECT_EQ(Run(sandbox.id(), Curl(absl::StrCat("http://", kLan, "/"))).code, 0);
  EXPECT_EQ(Get(sandbox.id()).network_status().policy_generation(), 2u);
  ExpectAnswers(sandbox);
}

TEST_F(RestartTest, ANamespaceOfSomeoneElseKeepsItsInterface) {
  auto guest = lab::Process::Spawn(
      {"unshare", "--net", "sh", "-c", "ip link set lo up && echo $$ && exec sleep infinity"}, {});
  ASSERT_TRUE(guest.ok()) << guest.status();
  const std::string pid = (*guest)->ReadLine(kSoon).value_or("");
  const std::string id = Create(absl::StrCat("guest { netns { pid: ", pid, " } }"));
  const auto inside = [&](Command command) {
    command.insert(command.begin(), {"nsenter", "-t", pid, "-n", "--"});
    const auto result = lab::RunCommand(command, absl::Seconds(30));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  };
  const std::string links = inside({"ip", "-o", "link"}).out;
  EXPECT_THAT(links, HasSubstr("eth0"));
  ASSERT_NO_FATAL_FAILURE(KillAndStartServer());
  EXPECT_EQ(inside({"ip", "-o", "link"}).out, links);
  EXPECT_EQ(inside(Curl(absl::StrCat("http://", kWeb, "/hello"))).exit_code, 0);
  EXPECT_TRUE(client().Delete(id).ok());
  EXPECT_THAT(inside({"ip", "-o", "link"}).out, testing::Not(HasSubstr("eth0")));
}

}  // namespace
}  // namespace sluice::e2e
