// Virtual machines outlive their server and their worker.

#include <signal.h>

#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/cpu_group.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"
#include "tests/e2e/vm_test.h"

namespace sluice::e2e {
namespace {

using testing::HasSubstr;

class VmRestartTest : public VmTest {
 protected:
  static void SetUpTestSuite() {
    StartSuite({.resolv_conf = "", .flags = {}, .leave_sandboxes = true});
    MakeMachine();
  }
  // The client's connection is a descriptor of the server's, from its first call on.
  void SetUp() override {
    VmTest::SetUp();
    ASSERT_TRUE(client().List({}).ok());
  }

  // Runs a program of busybox's in the machine, or fails.
  static ExecResult InVm(const std::string& id, const std::string& script) { return Run(id, {"sh", "-c", script}); }
  static pid_t QemuOf(const std::string& id) {
    std::ifstream note(absl::StrCat(server().state_dir(), "/guests/", client().Get(id)->uid(), "/qemu.pid"));
    pid_t pid = 0;
    EXPECT_TRUE(note >> pid);
    return pid;
  }
};

TEST_F(VmRestartTest, GoesOnWithoutItsServerAndItsWorker) {
  const std::multiset<std::string> before = Leavings(lab(), server());
  const std::string id = Create(absl::StrCat(Vm(), "network { ports { guest_port: 80 } }"));
  AwaitBoot(id);
  const v1::Sandbox sandbox = client().Get(id).value_or(v1::Sandbox());
  const auto page = [&sandbox] {
    return RunOnHost(Curl(absl::StrCat("http://127.0.0.1:", sandbox.network_status().ports(0).host_port(), "/"))).out;
  };
  const std::string hello = "hello from the machine\n";
  EXPECT_EQ(InVm(id, "echo here > /tmp/mark").code, 0);
  ExpectCpuGroup(QemuOf(id), "sluice-" + sandbox.uid());
  const pid_t worker = WorkerOf(id);
  ASSERT_TRUE(server().End(SIGKILL).ok());
  EXPECT_EQ(page(), hello) << "without a server";
  ASSERT_NO_FATAL_FAILURE(StartServer());
  EXPECT_EQ(WorkerOf(id), worker) << "it is adopted";
  EXPECT_EQ(page(), hello);
  ExpectCpuGroup(QemuOf(id), "sluice-" + sandbox.uid());
  ASSERT_TRUE(server().End(SIGKILL).ok());
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  ASSERT_NO_FATAL_FAILURE(StartServer());
  const auto running = client().AwaitSandbox(
      [&id](const v1::Sandbox& of) { return of.id() == id && of.state() == v1::Sandbox::STATE_RUNNING; });
  ASSERT_TRUE(running.ok()) << running.status();
  EXPECT_NE(WorkerOf(id), worker);
  EXPECT_EQ(page(), hello) << "with another worker";
  EXPECT_EQ(InVm(id, "cat /tmp/mark").out, "here\n") << "it is the same machine";
  EXPECT_NE(InVm(id, "timeout 5 wget -q -O - http://10.1.2.3/").code, 0);
  SetPolicy(id, "preset: PRESET_NONE");
  EXPECT_EQ(InVm(id, "cat /sys/class/net/eth0/carrier").out, "0\n");
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }");
  EXPECT_EQ(InVm(id, "until [ $(cat /sys/class/net/eth0/carrier) = 1 ]; do sleep 0.1; done;"
                     "timeout 5 wget -q -O - http://10.1.2.3/").out,
            "internal service\n");
  ASSERT_EQ(kill(QemuOf(id), SIGKILL), 0);
  const auto stopped = client().AwaitSandbox(
      [&id](const v1::Sandbox& of) { return of.id() == id && of.state() == v1::Sandbox::STATE_STOPPED; });
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_THAT(stopped->state_message(), HasSubstr("an earlier server had started it"));
  EXPECT_TRUE(client().Delete(id).ok());
  EXPECT_EQ(NewLeavings(lab(), server(), before), "");
  ExpectNoCgroups(sandbox.uid());
}

TEST_F(VmRestartTest, ShowsThatItEndedWhileNoServerWasThere) {
  const std::multiset<std::string> before = Leavings(lab(), server());
  const std::string id = Create(Vm());
  const pid_t qemu = QemuOf(id);
  ASSERT_TRUE(server().End(SIGKILL).ok());
  ASSERT_EQ(kill(qemu, SIGKILL), 0);
  ASSERT_NO_FATAL_FAILURE(StartServer());
  const v1::Sandbox sandbox = client().Get(id).value_or(v1::Sandbox());
  EXPECT_EQ(sandbox.state(), v1::Sandbox::STATE_STOPPED);
  EXPECT_THAT(sandbox.state_message(), HasSubstr("ended while no server ran"));
  EXPECT_TRUE(client().Delete(id).ok());
  EXPECT_EQ(NewLeavings(lab(), server(), before), "");
  ExpectNoCgroups(sandbox.uid());
}

}  // namespace
}  // namespace sluice::e2e
