// Workers and guests each have their share of the CPU, whatever the others do: a cgroup
// of their own, with one weight. (vm_restart_test looks at virtual machines.)

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/base/cgroup.h"
#include "tests/e2e/cpu_group.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);

// For this thread and what it starts.
void HideCpuControllerOfVersion1() {
  ASSERT_EQ(unshare(CLONE_NEWNS), 0) << errno;
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << errno;
  for (const CgroupMount& cgroups : CgroupMounts("/proc/thread-self/mounts")) {
    if (std::count(cgroups.options.begin(), cgroups.options.end(), "cpu") == 0) continue;
    ASSERT_EQ(umount2(cgroups.path.c_str(), MNT_DETACH), 0) << errno;
  }
}

class CpuWeightTest : public E2eTest {
 protected:
  static void SetUpTestSuite() { StartSuite({.resolv_conf = "", .flags = {}, .leave_sandboxes = true}); }

  void SetUp() override {
    E2eTest::SetUp();
    if (CpuGroupOf(server().pid()).directory.empty()) GTEST_SKIP() << "no cpu controller on this machine";
    id_ = CreateOci("");
    uid_ = client().Get(id_)->uid();
    // The one container of this server: its runtime leaves it to the server.
    const std::string pid = RunOnHost({"pgrep", "--parent", absl::StrCat(server().pid()), "--full", "sluice-init"}).out;
    ASSERT_TRUE(absl::SimpleAtoi(pid, &guest_)) << pid;
  }

  void ExpectGroups() const {
    ExpectCpuGroup(WorkerOf(id_), "sluice-worker-" + uid_);
    ExpectCpuGroup(guest_, "sluice-" + uid_);
  }

  std::string id_;
  std::string uid_;
  pid_t guest_ = 0;
};

TEST_F(CpuWeightTest, IsTheSandboxsAndGoesWithIt) {
  ExpectGroups();
  const pid_t first = WorkerOf(id_);
  ASSERT_EQ(kill(first, SIGKILL), 0);
  const absl::Time deadline = absl::Now() + kSoon;
  while (WorkerOf(id_) == first || client().Get(id_)->state() != v1::Sandbox::STATE_RUNNING) ASSERT_LT(absl::Now(), deadline);
  ExpectGroups();
  ASSERT_TRUE(client().Delete(id_).ok());
  ExpectNoCgroups(uid_);
}

TEST_F(CpuWeightTest, TheNextServerSeesToIt) {
  const pid_t worker = WorkerOf(id_);
  ASSERT_TRUE(server().End(SIGKILL).ok());
  ExpectCpuGroup(worker, "sluice-worker-" + uid_);
  // As a server that knew of no weights would have left it.
  const CpuGroup group = CpuGroupOf(worker);
  ASSERT_TRUE(WriteFile(group.directory + "/../cgroup.procs", absl::StrCat(worker)).ok());
  ASSERT_NE(CpuGroupOf(worker).name, group.name);
  ASSERT_NO_FATAL_FAILURE(StartServer());
  ASSERT_EQ(WorkerOf(id_), worker) << "it is adopted";
  ExpectGroups();
  ASSERT_TRUE(client().Delete(id_).ok());
  ExpectNoCgroups(uid_);
}

TEST_F(CpuWeightTest, SandboxesDoWithoutIt) {
  if (CpuGroupOf(guest_).version != 1) GTEST_SKIP() << "without version 2 there are no containers";
  std::unique_ptr<ServerProcess> other;
  std::thread([&other] {
    HideCpuControllerOfVersion1();
    if (HasFatalFailure()) return;
    auto started = ServerProcess::Start(lab());
    ASSERT_TRUE(started.ok()) << started.status();
    other = *std::move(started);
  }).join();
  ASSERT_NE(other, nullptr);
  SandboxClient others(other->unix_address());
  const absl::StatusOr<v1::Sandbox> made = others.Create(Proto<v1::Sandbox>("guest { oci {} }"));
  ASSERT_TRUE(made.ok()) << made.status();
  const absl::StatusOr<ExecResult> said = RunInGuest(others, made->id(), {"echo", "here"}, kCallTimeout);
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_EQ(said->out, "here\n");
  std::ifstream note(absl::StrCat(other->state_dir(), "/sandboxes/", made->uid(), "/worker.pid"));
  pid_t worker = 0;
  ASSERT_TRUE(note >> worker);
  EXPECT_EQ(CpuGroupOf(worker).name, CpuGroupOf(other->pid()).name) << "it stays with its server";
  EXPECT_TRUE(others.Delete(made->id()).ok());
}

}  // namespace
}  // namespace sluice::e2e
