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
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/base/cgroup.h"
#include "tests/e2e/cpu_group.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(10);

// Eight processes in the first cgroup and one in the second, all of which want the same
// CPU for a second. Prints how many seconds of it each cgroup got.
constexpr char kContend[] = R"(
import os, sys, time
cpu = min(os.sched_getaffinity(0))
ready, go = os.pipe(), os.pipe()
def contend(group):
  pid = os.fork()
  if pid:
    return pid
  os.close(go[1])
  with open(group + '/cgroup.procs', 'w') as procs:
    procs.write(str(os.getpid()))
  os.sched_setaffinity(0, {cpu})
  os.write(ready[1], b'x')
  os.read(go[0], 1)
  end = time.monotonic() + 1
  while time.monotonic() < end:
    pass
  os._exit(0)
def used(pid):
  usage = os.wait4(pid, 0)[2]
  return usage.ru_utime + usage.ru_stime
many, one = [contend(sys.argv[1]) for _ in range(8)], contend(sys.argv[2])
for _ in range(9):
  os.read(ready[0], 1)
os.close(go[1])
print(sum(used(pid) for pid in many), used(one))
)";

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

  // What the one process gets, of what all nine do: others on the machine take from
  // both sides alike.
  static double ShareOfOne(const std::string& many_in, const std::string& one_in) {
    const lab::CommandResult result = RunOnHost(Python(kContend, {many_in, one_in}));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const std::vector<std::string> used = absl::StrSplit(result.out, ' ');
    double many = 0;
    double one = 0;
    EXPECT_TRUE(used.size() == 2 && absl::SimpleAtod(used[0], &many) && absl::SimpleAtod(used[1], &one)) << result.out;
    return one / (many + one);
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

TEST_F(CpuWeightTest, CountsAsOneHoweverMuchRunsInIt) {
  const std::string worker = CpuGroupOf(WorkerOf(id_)).directory;
  const std::string guest = CpuGroupOf(guest_).directory;
  // Half, and one in nine.
  EXPECT_GT(ShareOfOne(worker, guest), 0.33);
  EXPECT_GT(ShareOfOne(guest, worker), 0.33);
  EXPECT_LT(ShareOfOne(guest, guest), 0.33);
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
