// Containers: what is asked for is what the kernel gives, by each runtime. Run
// with runc and, by SLUICE_OCI_RUNTIME, with others.

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using testing::HasSubstr;

// A host with cgroup v2 beside v1 is none for crun: it gets v1 alone, as the test
// and its server see the host from now on.
void LeaveCgroupsOfOneKind() {
  ASSERT_EQ(unshare(CLONE_NEWNS), 0) << errno;
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << errno;
  if (access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0) {
    ASSERT_EQ(umount2("/sys/fs/cgroup/unified", MNT_DETACH), 0) << errno;
  }
}

class OciGuestTest : public E2eTest {
 protected:
  static void SetUpTestSuite() {
    LeaveCgroupsOfOneKind();
    const char* const runtime = getenv("SLUICE_OCI_RUNTIME");
    StartSuite({.resolv_conf = "", .flags = {absl::StrCat("--oci_runtime=", runtime == nullptr ? "runc" : runtime)}});
  }

  // A guest without a network, of an OciGuest in text form.
  std::string CreateGuest(const std::string& oci) {
    return Create(absl::StrCat("guest { oci { ", oci, " } } network { policy { preset: PRESET_NONE } }"));
  }
  std::string CreateGuestOfRoot() { return CreateGuest(absl::StrCat("user: '0' rootfs: '", BusyboxRoot(), "'")); }
  static std::string Shell(const std::string& id, const std::string& script) {
    const ExecResult result = Run(id, {"sh", "-c", script});
    return absl::StrCat(result.out, result.err);
  }
  static absl::Status ExecStatus(v1::ExecStart start) { return GuestExec(client(), start).Wait().status(); }
  static v1::Sandbox AwaitStopped(const std::string& id) {
    const auto stopped = client().AwaitSandbox([&id](const v1::Sandbox& sandbox) {
      return sandbox.id() == id && sandbox.state() == v1::Sandbox::STATE_STOPPED;
    });
    EXPECT_TRUE(stopped.ok()) << stopped.status();
    return stopped.value_or(v1::Sandbox());
  }
  // Of a guest's cgroup, in whichever hierarchy has it; "" where none does.
  static std::string Cgroup(const std::string& id, const std::string& controller, const std::string& file) {
    const auto sandbox = client().Get(id);
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    if (!sandbox.ok()) return "";
    const std::string cgroup = absl::StrCat("sluice-", sandbox->uid(), "/", file);
    for (const std::string& root : {absl::StrCat("/sys/fs/cgroup/", controller, "/"), std::string("/sys/fs/cgroup/")}) {
      const absl::StatusOr<std::string> text = ReadFile(absl::StrCat(root, cgroup), 4096);
      if (text.ok()) return *text;
    }
    return "";
  }
  // How often the kernel has made it wait; -1 where that cannot be told.
  static int64_t Throttled(const std::string& id) {
    for (const absl::string_view line : absl::StrSplit(Cgroup(id, "cpu", "cpu.stat"), '\n')) {
      const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
      int64_t count;
      if (words.size() == 2 && words[0] == "nr_throttled" && absl::SimpleAtoi(words[1], &count)) return count;
    }
    return -1;
  }
};

TEST_F(OciGuestTest, TheFirstProcessIsAsTheCallerSaid) {
  const std::string id = CreateGuest(
      "args: 'sh' args: '-c' args: 'echo $A $0 $(id -u):$(id -g) $(pwd) >/tmp/told; sleep 1000' args: 'an arg'"
      "env { key: 'A' value: 'b c' } user: '1234:567' working_directory: '/usr/bin'");
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (!absl::StrContains(Shell(id, "cat /tmp/told"), "\n") && absl::Now() < deadline) {
  }
  EXPECT_EQ(Shell(id, "cat /tmp/told"), "b c an arg 1234:567 /usr/bin\n");
}

TEST_F(OciGuestTest, NamesAreItsOwn) {
  const std::string id = Create("id: 'names' guest { oci {} }");
  EXPECT_EQ(Shell(id, "hostname; cat /etc/hostname; getent hosts names; getent hosts localhost | tail -1; cat /etc/resolv.conf"),
            "names\nnames\n127.0.1.1       names\n::1             localhost ip6-localhost ip6-loopback\n"
            "nameserver 10.0.2.3\nnameserver fd73:6c75:6963:1::3\n");
}

TEST_F(OciGuestTest, HasNoPrivilege) {
  const std::string id = CreateGuest("");
  EXPECT_EQ(Shell(id, "id -u; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr -d '\\t'"),
            "65534\nCapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:0000000000000000\n"
            "CapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n");
  // Root, where it is asked for, has no more of it.
  const std::string root = CreateGuestOfRoot();
  EXPECT_EQ(Shell(root, "id -u; grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status | tr -d '\\t'"),
            "0\nCapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:0000000000000000\n");
  for (const char* forbidden : {"mount -t tmpfs none /mnt", "unshare -Ur true", "unshare -m true", "hostname other",
                                "echo 1 >/proc/sys/kernel/dmesg_restrict", "echo 1 >/sys/kernel/profiling",
                                "mknod /dev/sda b 8 0", "head -c1 /proc/kcore", "cat /proc/timer_list | grep .",
                                "ls /sys/firmware | grep .", "dmesg", "chroot / true", "swapoff -a", "kill -9 1; kill -0 1000000"}) {
    EXPECT_NE(Run(root, {"sh", "-c", forbidden}).code, 0) << forbidden;
  }
  // What every program needs is there.
  EXPECT_EQ(Run(root, {"sh", "-c", "test -c /dev/null && echo x >/dev/null && echo x >/tmp/x && test -w /dev/shm"}).code, 0);
}

TEST_F(OciGuestTest, MemoryIsLimited) {
  const std::string hog = "head -c 100M /dev/zero | tail -c 100M | wc -c";
  const std::string limited = CreateGuest("memory_bytes: 67108864");
  EXPECT_NE(Shell(limited, hog), "104857600\n");
  EXPECT_EQ(Shell(limited, "echo alive"), "alive\n") << "only what took too much ends";
  EXPECT_EQ(Shell(CreateGuest(""), hog), "104857600\n");
}

TEST_F(OciGuestTest, ProcessesAreLimited) {
  const std::string forks = "for i in $(seq 20); do sleep 5 & done; wait $!; echo done";
  const std::string limited = CreateGuest("max_processes: 12");
  EXPECT_THAT(Shell(limited, forks), HasSubstr("ork"));  // "Cannot fork", "fork: ..."
  EXPECT_EQ(Shell(CreateGuest(""), "for i in $(seq 20); do sleep 0 & done; wait; echo done"), "done\n");
}

TEST_F(OciGuestTest, ProcessorsAreLimited) {
  const std::string spin = "timeout 1 sh -c 'while :; do :; done'";
  const std::string limited = CreateGuest("cpus: 0.1");
  Shell(limited, spin);
  EXPECT_GT(Throttled(limited), 0);
  const std::string free = CreateGuest("");
  Shell(free, spin);
  EXPECT_EQ(Throttled(free), 0);
}

TEST_F(OciGuestTest, ItsDiskIsLimited) {
  const std::string id = CreateGuestOfRoot();
  EXPECT_THAT(Shell(id, "dd if=/dev/zero of=/run/fill bs=1M"), HasSubstr("No space left on device"));
  EXPECT_EQ(Shell(id, "echo alive"), "alive\n");
}

TEST_F(OciGuestTest, ItsEndIsTold) {
  EXPECT_EQ(AwaitStopped(CreateGuest("args: 'sh' args: '-c' args: 'exit 42'")).state_message(),
            "the guest's first process exited with status 42");
}

TEST_F(OciGuestTest, NothingRunsInAGuestThatHasEnded) {
  const std::string id = CreateGuest("args: 'true'");
  AwaitStopped(id);
  v1::ExecStart start;
  start.set_sandbox_id(id);
  start.add_args("true");
  const absl::Status status = ExecStatus(start);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  start.mutable_terminal();
  EXPECT_EQ(ExecStatus(start).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(OciGuestTest, AGuestThatIgnoresSignalsIsDeletedAllTheSame) {
  const std::string id = CreateGuest("args: 'sh' args: '-c' args: 'trap \"\" TERM INT HUP; while :; do sleep 1; done'");
  GuestExec stubborn(client(), id, {"sh", "-c", "trap '' TERM INT HUP; echo ready; while :; do sleep 1; done"});
  ASSERT_EQ(stubborn.ReadLine().value_or(""), "ready");
  const absl::Time began = absl::Now();
  EXPECT_TRUE(client().Delete(id).ok());
  EXPECT_LT(absl::Now() - began, absl::Seconds(10));
  EXPECT_TRUE(absl::IsNotFound(client().Get(id).status()));
}

// Helpers of the runtime with it: one in the guest would keep it from ending.
TEST_F(OciGuestTest, NothingIsLeftOfProgramsThatCouldNotRun) {
  const auto run = [] {
    const std::string id = client().Create(Proto<v1::Sandbox>("guest { oci {} }")).value_or(v1::Sandbox()).id();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(RunInGuest(client(), id, {"nope"}).status().code(), absl::StatusCode::kNotFound);
      EXPECT_EQ(Run(id, {"true"}).code, 0);
    }
    const absl::Time began = absl::Now();
    EXPECT_TRUE(client().Delete(id).ok());
    EXPECT_LT(absl::Now() - began, absl::Seconds(10));
  };
  run();
  const std::multiset<std::string> before = Leavings(lab(), server());
  run();
  EXPECT_EQ(NewLeavings(lab(), server(), before), "");
}

TEST_F(OciGuestTest, SaysWhatIsWrongWithAProgram) {
  const std::string id = CreateGuest("");
  v1::ExecStart start;
  start.set_sandbox_id(id);
  const auto code = [&start](const char* program) {
    start.clear_args();
    start.add_args(program);
    return ExecStatus(start).code();
  };
  EXPECT_EQ(code("nope"), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("/nope"), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("/etc/passwd"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code("/etc"), absl::StatusCode::kPermissionDenied);
  start.set_working_directory("/nowhere");
  EXPECT_EQ(code("true"), absl::StatusCode::kInvalidArgument);
  start.set_working_directory("/etc/passwd");
  EXPECT_EQ(code("true"), absl::StatusCode::kInvalidArgument);
  start.set_working_directory("/usr");
  EXPECT_EQ(code("true"), absl::StatusCode::kOk);
}

TEST_F(OciGuestTest, ATerminalIsATerminal) {
  const std::string id = CreateGuest("");
  v1::ExecStart start;
  start.set_sandbox_id(id);
  for (const char* arg : {"sh", "-c", "tty; stty size; exit 3"}) start.add_args(arg);
  start.mutable_terminal()->set_columns(90);
  const auto result = GuestExec(client(), start).Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "/dev/pts/0\r\n24 90\r\n");
  EXPECT_EQ(result->code, 3);
}

TEST_F(OciGuestTest, ItsNetworkIsThePolicys) {
  const std::string id = CreateOci("rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3/32' } }");
  EXPECT_EQ(Run(id, Curl("http://10.1.2.3/")).out, "internal service\n");
  EXPECT_EQ(Run(id, Curl("http://172.20.0.1/")).code, kCurlCannotConnect);
}

}  // namespace
}  // namespace sluice::e2e
