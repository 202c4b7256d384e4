#ifndef SLUICE_TESTS_E2E_RESTART_FIXTURE_H_
#define SLUICE_TESTS_E2E_RESTART_FIXTURE_H_

#include <glob.h>
#include <signal.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {

inline constexpr char kWeb[] = "93.184.216.34";
inline constexpr char kLan[] = "10.1.2.3";
inline constexpr absl::Duration kSoon = absl::Seconds(10);

// An echo server on port 8000.
inline constexpr char kEchoServer[] = R"(
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(('', 8000), Echo).serve_forever()
)";
// Prints the number of each line that came back, or "lost".
inline constexpr char kDialogue[] = R"(
import socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
f = s.makefile('rw')
n = 0
while True:
    n += 1
    try:
        f.write(f'{n}\n')
        f.flush()
        if f.readline().strip() != str(n):
            raise OSError
    except OSError:
        print('lost', flush=True)
        break
    print(n, flush=True)
    time.sleep(0.02)
)";

// Sandboxes that outlive their server, whose guests are echo servers behind a
// published port.
class RestartFixture : public E2eTest {
 protected:
  static void SetUpTestSuite() { StartSuite({.resolv_conf = "", .flags = {}, .leave_sandboxes = true}); }

  // The client's connection is a descriptor of the server's, from its first call on.
  void SetUp() override {
    E2eTest::SetUp();
    ASSERT_TRUE(client().List({}).ok());
  }

  // A guest whose first process is an echo server, with a published port.
  v1::Sandbox CreateEcho(absl::string_view network = "") {
    v1::Sandbox spec = Proto<v1::Sandbox>(
        absl::StrCat("guest { oci {} } network { ports { guest_port: 8000 } ", network, " }"));
    for (const std::string& arg : Python(kEchoServer, {})) spec.mutable_guest()->mutable_oci()->add_args(arg);
    const v1::Sandbox sandbox = Get(Create(spec));
    AwaitAnswer(sandbox);
    return sandbox;
  }
  static uint32_t PortOf(const v1::Sandbox& sandbox) { return sandbox.network_status().ports(0).host_port(); }

  // Kills the server as soon as something is there, for which `pattern` (of a shell,
  // below the state directory) stands.
  static void KillServerOnce(const std::string& pattern) {
    const absl::Time deadline = absl::Now() + kSoon;
    const std::string path = absl::StrCat(server().state_dir(), "/", pattern);
    glob_t found = {};
    while (glob(path.c_str(), GLOB_NOSORT, nullptr, &found) != 0) ASSERT_LT(absl::Now(), deadline) << path;
    globfree(&found);
    ASSERT_TRUE(server().End(SIGKILL).ok());
  }
  // A connection from the host through the sandbox's port, which lives.
  std::unique_ptr<lab::Process> Talk(const v1::Sandbox& sandbox) {
    auto talk = lab().Spawn(lab::Ns::kHost, Python(kDialogue, {"127.0.0.1", absl::StrCat(PortOf(sandbox))}));
    EXPECT_TRUE(talk.ok()) << talk.status();
    if (!talk.ok()) return nullptr;
    ExpectGoesOn(**talk);
    return *std::move(talk);
  }
  static void KillAndStartServer() {
    ASSERT_TRUE(server().End(SIGKILL).ok());
    StartServer();
  }
  static void ExpectGoesOn(lab::Process& talk) {
    for (int i = 0; i < 5; ++i) {
      const absl::StatusOr<std::string> line = talk.ReadLine(kSoon);
      ASSERT_TRUE(line.ok()) << line.status();
      ASSERT_NE(*line, "lost");
    }
  }
  static Command Ask(const v1::Sandbox& sandbox) {
    return Python(
        "import socket, sys\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n"
        "s.sendall(b'hello\\n')\n"
        "print(s.makefile().readline().strip())",
        {absl::StrCat(PortOf(sandbox))});
  }
  static void ExpectAnswers(const v1::Sandbox& sandbox) { EXPECT_EQ(RunOnHost(Ask(sandbox)).out, "hello\n"); }
  // A port is open before the guest's program listens.
  static void AwaitAnswer(const v1::Sandbox& sandbox) {
    const absl::Time deadline = absl::Now() + kSoon;
    while (RunOnHost(Ask(sandbox)).out != "hello\n" && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(20));
  }
  // New flows pass where the policy (public only) lets them, and nowhere else.
  static void ExpectEnforced(const std::string& id) {
    EXPECT_EQ(Run(id, Curl(absl::StrCat("http://", kWeb, "/hello"))).code, 0);
    EXPECT_EQ(Run(id, Curl(absl::StrCat("http://", kLan, "/"))).code, kCurlCannotConnect);
  }
  static v1::Sandbox Get(const std::string& id) {
    const absl::StatusOr<v1::Sandbox> sandbox = client().Get(id);
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    return sandbox.value_or(v1::Sandbox());
  }
  static void ExpectDense(const std::string& id) {
    uint64_t last = 0;
    for (const v1::AuditEvent& event : Events(id)) ASSERT_EQ(event.sequence(), ++last) << event.ShortDebugString();
    EXPECT_GT(last, 0u);
  }
  static pid_t WorkerOf(const v1::Sandbox& sandbox) {
    std::ifstream note(absl::StrCat(server().state_dir(), "/sandboxes/", sandbox.uid(), "/worker.pid"));
    pid_t pid = 0;
    EXPECT_TRUE(note >> pid);
    return pid;
  }
  static pid_t GuestOf(const v1::Sandbox& sandbox) {
    std::ifstream state(absl::StrCat(server().state_dir(), "/oci/", sandbox.uid(), "/state.json"));
    const std::string text(std::istreambuf_iterator<char>(state), {});
    const std::string key = "\"init_process_pid\":";
    const size_t at = text.find(key);
    int pid = 0;
    EXPECT_TRUE(at != text.npos && absl::SimpleAtoi(text.substr(at + key.size(), text.find(',', at) - at - key.size()), &pid));
    return pid;
  }
  // Returns once a worker of another process is there, and the sandbox runs.
  static void AwaitReplaced(const v1::Sandbox& sandbox, pid_t old) {
    const absl::Time deadline = absl::Now() + kSoon;
    while ((WorkerOf(sandbox) == old || Get(sandbox.id()).state() != v1::Sandbox::STATE_RUNNING) &&
           absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_NE(WorkerOf(sandbox), old);
    EXPECT_EQ(Get(sandbox.id()).state(), v1::Sandbox::STATE_RUNNING) << Get(sandbox.id()).state_message();
  }
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_RESTART_FIXTURE_H_
