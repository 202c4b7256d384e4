// Virtual machines: Debian's own kernel under QEMU, behind the same policies.

#include <netinet/in.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;
using lab::Sniffer;
using testing::HasSubstr;

// Where deploy/setup.sh unpacks what virtual machines are tested with.
constexpr char kPackages[] = "/var/cache/sluice/vm";
constexpr absl::Duration kBootTimeout = absl::Seconds(90);
constexpr char kResolver6[] = "fd73:6c75:6963:1::3";

class VmGuestTest : public E2eTest {
 protected:
  static void SetUpTestSuite() {
    StartSuite({.resolv_conf = "", .flags = {}, .leave_sandboxes = true});
    for (const auto& entry : fs::directory_iterator(absl::StrCat(kPackages, "/boot"))) {
      if (absl::StartsWith(entry.path().filename().string(), "vmlinuz-")) kernel_ = entry.path();
    }
    initrd_ = lab().Path("vm.initrd");
    const lab::CommandResult made =
        RunOnHost({"/usr/bin/python3", "-B", Runfile("tests/e2e/vm_initramfs.py"), kPackages,
                   Runfile("tests/e2e/vm_init.sh"), initrd_, Runfile("tests/e2e/rdnss")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  // The client's connection is a descriptor of the server's, from its first call on.
  void SetUp() override {
    E2eTest::SetUp();
    ASSERT_TRUE(client().List({}).ok());
  }

  static std::string Vm(absl::string_view arguments = "") {
    return absl::StrCat("guest { vm { kernel: '", kernel_, "' initrd: '", initrd_, "' memory_bytes: ", 128 << 20,
                        " kernel_arguments: 'console=ttyS0 quiet panic=-1 ", arguments, "' } } ");
  }
  // Runs a program of busybox's in the machine, or fails.
  static ExecResult InVm(const std::string& id, const std::string& script) { return Run(id, {"sh", "-c", script}); }

  // Starts a server where one was ended; returns once it answers.
  static void StartServer() {
    const absl::Status started = server().Restart();
    ASSERT_TRUE(started.ok()) << started;
    for (const absl::Time end = absl::Now() + kEventTimeout; !client().List({}).ok();) ASSERT_LT(absl::Now(), end);
  }
  static pid_t QemuOf(const std::string& id) {
    std::ifstream note(absl::StrCat(server().state_dir(), "/guests/", client().Get(id)->uid(), "/qemu.pid"));
    pid_t pid = 0;
    EXPECT_TRUE(note >> pid);
    return pid;
  }

  // Returns once its agent answers and it has an address.
  static void AwaitBoot(const std::string& id) {
    absl::Status status;
    for (const absl::Time end = absl::Now() + kBootTimeout; absl::Now() < end;) {
      const absl::StatusOr<ExecResult> result =
          RunInGuest(client(), id, {"sh", "-c", "until [ -s /etc/resolv.conf ]; do sleep 0.1; done"});
      if (result.ok()) return;
      status = result.status();
      ASSERT_TRUE(absl::IsFailedPrecondition(status)) << status;
    }
    FAIL() << status;
  }

  static std::string kernel_;
  static std::string initrd_;
};

std::string VmGuestTest::kernel_;
std::string VmGuestTest::initrd_;

TEST_F(VmGuestTest, IsBehindItsPolicy) {
  const std::multiset<std::string> before = Leavings(lab(), server());
  const std::string id = Create(absl::StrCat(Vm(), "network { ports { guest_port: 80 } }"));
  AwaitBoot(id);
  {
    SCOPED_TRACE("IPv4");
    EXPECT_THAT(InVm(id, "ip -4 address show dev eth0").out, HasSubstr("inet 10.0.2.15/24"));
    EXPECT_EQ(InVm(id, "cat /etc/resolv.conf").out, "nameserver 10.0.2.3\n");
    EXPECT_EQ(InVm(id, "wget -q -O - http://web.example.com/hello").out, "hello from the web\n");
    EXPECT_EQ(InVm(id, "ping -c 1 -W 5 93.184.216.34").code, 0);
  }
  {
    SCOPED_TRACE("IPv6");
    EXPECT_EQ(InVm(id, "until ip -6 address show dev eth0 scope global | grep -v tentative | grep inet6; do sleep 0.1; done").code, 0);
    EXPECT_THAT(InVm(id, "ip -6 address show dev eth0 scope global").out, HasSubstr("fd73:6c75:6963:1:"));
    EXPECT_EQ(InVm(id, "rdnss eth0 | tee /tmp/resolver").out, absl::StrCat(kResolver6, "\n"));
    EXPECT_THAT(InVm(id, "nslookup -type=aaaa web.example.com $(cat /tmp/resolver)").out,
                HasSubstr("2606:2800:220:1::1"));
    EXPECT_EQ(InVm(id, "wget -q -O - http://[2606:2800:220:1::1]/hello").out, "hello from the web\n");
  }
  {
    SCOPED_TRACE("a published port");
    const absl::StatusOr<v1::Sandbox> sandbox = client().Get(id);
    ASSERT_TRUE(sandbox.ok()) << sandbox.status();
    const uint32_t port = sandbox->network_status().ports(0).host_port();
    EXPECT_EQ(RunOnHost(Curl(absl::StrCat("http://127.0.0.1:", port, "/"))).out, "hello from the machine\n");
  }
  {
    SCOPED_TRACE("what the policy refuses, and allows");
    const auto sniffer = Sniff(Sniffer::Where::kLan);
    const struct {
      const char* address;
      const char* url;
    } kInternal[] = {{"10.1.2.3", "http://10.1.2.3/"}, {"fd00:10::3", "http://[fd00:10::3]/"}};
    for (const auto& [address, url] : kInternal) {
      EXPECT_NE(InVm(id, absl::StrCat("timeout 5 wget -q -O - ", url)).code, 0);
      AwaitEvent(id, Denied(address, 80, v1::Verdict::REASON_DEFAULT));
      EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, address, 80), 0);
    }
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } peers { cidr: 'fd00:10::3' } }");
    for (const auto& [address, url] : kInternal) {
      EXPECT_EQ(InVm(id, absl::StrCat("timeout 5 wget -q -O - ", url)).out, "internal service\n");
      EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, address, 80), 0);
    }
  }
  {
    SCOPED_TRACE("NONE, and back: programs run all the time");
    SetPolicy(id, "preset: PRESET_NONE");
    EXPECT_EQ(InVm(id, "cat /sys/class/net/eth0/carrier").out, "0\n");
    EXPECT_NE(InVm(id, "timeout 5 wget -q -O - http://93.184.216.34/hello").code, 0);
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
    EXPECT_EQ(InVm(id, "until [ $(cat /sys/class/net/eth0/carrier) = 1 ]; do sleep 0.1; done;"
                       "timeout 5 wget -q -O - http://93.184.216.34/hello").out,
              "hello from the web\n");
  }
  {
    SCOPED_TRACE("programs");
    GuestExec exec(client(), id, {"sh", "-c", "cat; echo to stderr >&2; exit 7"});
    exec.Write("what came in");
    exec.CloseInput();
    const absl::StatusOr<ExecResult> result = exec.Wait();
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->out, "what came in");
    EXPECT_EQ(result->err, "to stderr\n");
    EXPECT_EQ(result->code, 7);
    EXPECT_EQ(Run(id, {"no-such-program"}).code, 127);
    EXPECT_EQ(InVm(id, "kill -9 $$").code, 128 + SIGKILL);
  }
  {
    SCOPED_TRACE("QEMU is nobody, and has nothing");
    const std::string note = absl::StrCat(server().state_dir(), "/guests/", client().Get(id)->uid(), "/qemu.pid");
    const std::string pid(absl::StripAsciiWhitespace(RunOnHost({"cut", "-d ", "-f1", note}).out));
    const std::string status = RunOnHost({"cat", absl::StrCat("/proc/", pid, "/status")}).out;
    EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000"));
    EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000000"));
    EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
    EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
    EXPECT_THAT(status, testing::Not(HasSubstr("Uid:\t0")));
    EXPECT_EQ(RunOnHost({"nsenter", absl::StrCat("--net=/proc/", pid, "/ns/net"), "ip", "-brief", "link"}).out.substr(0, 2), "lo");
  }
  EXPECT_TRUE(client().Delete(id).ok());
  EXPECT_EQ(NewLeavings(lab(), server(), before), "");
}

TEST_F(VmGuestTest, HasNoNetworkUnderNoneAndMayEndByItself) {
  const std::string id = Create(absl::StrCat(Vm("poweroff"), "network { policy { preset: PRESET_NONE } }"));
  // No agent runs in it, whether it has booted, is about to end or has ended.
  EXPECT_TRUE(absl::IsFailedPrecondition(RunInGuest(client(), id, {"true"}).status()));
  const auto stopped = client().AwaitSandbox(
      [&id](const v1::Sandbox& sandbox) { return sandbox.id() == id && sandbox.state() == v1::Sandbox::STATE_STOPPED; });
  EXPECT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_TRUE(client().Delete(id).ok());
}

TEST_F(VmGuestTest, GoesOnWithoutItsServerAndItsWorker) {
  const std::multiset<std::string> before = Leavings(lab(), server());
  const std::string id = Create(absl::StrCat(Vm(), "network { ports { guest_port: 80 } }"));
  AwaitBoot(id);
  const v1::Sandbox sandbox = client().Get(id).value_or(v1::Sandbox());
  const auto page = [&sandbox] {
    return RunOnHost(Curl(absl::StrCat("http://127.0.0.1:", sandbox.network_status().ports(0).host_port(), "/"))).out;
  };
  const std::string hello = "hello from the machine\n";
  EXPECT_EQ(InVm(id, "echo here > /tmp/mark").code, 0);
  const pid_t worker = WorkerOf(id);
  ASSERT_TRUE(server().End(SIGKILL).ok());
  EXPECT_EQ(page(), hello) << "without a server";
  ASSERT_NO_FATAL_FAILURE(StartServer());
  EXPECT_EQ(WorkerOf(id), worker) << "it is adopted";
  EXPECT_EQ(page(), hello);
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
}

TEST_F(VmGuestTest, ShowsThatItEndedWhileNoServerWasThere) {
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
}

TEST_F(VmGuestTest, ReadsItsDiskAndForgetsWhatItWrote) {
  const std::string disk = lab().Path("vm.disk");
  ASSERT_EQ(RunOnHost({"sh", "-c", absl::StrCat("printf original > ", disk, " && truncate -s 1M ", disk)}).exit_code, 0);
  std::string spec = Vm();
  spec.insert(spec.find("kernel:"), absl::StrCat("disk: '", disk, "' "));
  const std::string id = Create(spec);
  AwaitBoot(id);
  EXPECT_EQ(InVm(id, "head -c 8 /dev/vda && printf changed0 > /dev/vda && sync && head -c 8 /dev/vda").out, "originalchanged0");
  EXPECT_EQ(RunOnHost({"head", "-c", "8", disk}).out, "original");
}

// The lines are those of docs/vmm-sockets.md.
TEST_F(VmGuestTest, MayBeSomeoneElsesBehindASocket) {
  const struct {
    const char* framing;
    const char* line;
  } kLines[] = {{"FRAMING_STREAM", "-netdev stream"}, {"FRAMING_DATAGRAM", "-netdev dgram"}};
  const std::string docs = RunOnHost({"cat", Runfile("docs/vmm-sockets.md")}).out;
  for (const auto& [framing, line] : kLines) {
    SCOPED_TRACE(line);
    const std::string id = Create(absl::StrCat("guest { socket { framing: ", framing, " } } network { ports { guest_port: 80 } }"));
    const v1::NetworkStatus status = client().Get(id).value_or(v1::Sandbox()).network_status();
    const size_t begin = docs.find(absl::StrCat("`", line)) + 1;
    ASSERT_NE(begin, docs.npos + 1);
    const std::string options = absl::StrReplaceAll(
        docs.substr(begin, docs.find('`', begin) - begin),
        {{"/run/vms/a.sock", status.socket_path()}, {"/run/vms/a.qemu", lab().Path("a.qemu")}});
    std::vector<std::string> command = {"qemu-system-x86_64", "-nodefaults", "-display", "none", "-cpu", "max", "-m", "128M",
                                        "-kernel", kernel_, "-initrd", initrd_, "-append",
                                        "quiet noagent fetch=http://web.example.com/hello"};
    for (const absl::string_view word : absl::StrSplit(options, ' ')) command.emplace_back(word);
    const auto qemu = lab().Spawn(lab::Ns::kHost, command);
    ASSERT_TRUE(qemu.ok()) << qemu.status();
    const std::string url = absl::StrCat("http://127.0.0.1:", status.ports(0).host_port(), "/fetched");
    std::string page;
    for (const absl::Time end = absl::Now() + kBootTimeout; page.empty() && absl::Now() < end;) {
      page = RunOnHost({"curl", "-s", "-f", "--max-time", "5", "--retry", "9", "--retry-all-errors", "--retry-delay", "1", url}).out;
    }
    EXPECT_EQ(page, "hello from the web\n");
  }
}

TEST_F(VmGuestTest, SaysWhatIsWrong) {
  const std::multiset<std::string> before = Leavings(lab(), server());
  const struct {
    std::string vm;
    const char* says;
  } kWrong[] = {
      {"", "sandbox.guest.vm.kernel"},
      {"kernel: 'vmlinuz'", "sandbox.guest.vm.kernel"},
      {"kernel: '/nowhere'", "sandbox.guest.vm.kernel: cannot be opened: No such file or directory"},
      {"kernel: '/etc/passwd'", "sandbox.guest.vm.kernel: is not a Linux kernel"},
      {absl::StrCat("kernel: '", kernel_, "' initrd: '/nowhere'"), "sandbox.guest.vm.initrd: cannot be opened"},
      {absl::StrCat("kernel: '", kernel_, "' disk: '/dev'"), "sandbox.guest.vm.disk: is not a regular file"},
      {absl::StrCat("kernel: '", kernel_, "' memory_bytes: 1"), "sandbox.guest.vm.memory_bytes"},
      {absl::StrCat("kernel: '", kernel_, "' cpus: 1000"), "sandbox.guest.vm.cpus"},
  };
  for (const auto& [vm, says] : kWrong) {
    const absl::Status status = client().Create(Proto<v1::Sandbox>(absl::StrCat("guest { vm { ", vm, " } }"))).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(says));
  }
  // An ELF file, but no kernel: QEMU says so.
  const absl::Status status = client().Create(Proto<v1::Sandbox>("guest { vm { kernel: '/bin/busybox' } }")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("the virtual machine does not start: "));
  EXPECT_EQ(NewLeavings(lab(), server(), before), "");
}

}  // namespace
}  // namespace sluice::e2e
