// Virtual machines: Debian's own kernel under QEMU, behind the same policies.

#include <netinet/in.h>
#include <signal.h>

#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"
#include "tests/e2e/vm_test.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::HasSubstr;

constexpr char kResolver6[] = "fd73:6c75:6963:1::3";

// One machine that most tests look at: it takes a while to boot.
class VmGuestTest : public VmTest {
 protected:
  static void SetUpTestSuite() {
    StartSuite({.resolv_conf = "", .flags = {"--vm_scratch_bytes=8MiB"}});
    MakeMachine();
    if (HasFatalFailure()) return;
    // The connection of the client is a descriptor of the server, from its first call on.
    ASSERT_TRUE(client().List({}).ok());
    before_ = Leavings(lab(), server());
    disk_ = lab().Path("vm.disk");
    ASSERT_EQ(RunOnHost({"sh", "-c", absl::StrCat("printf original > ", disk_, " && truncate -s 64M ", disk_)}).exit_code, 0);
    const absl::StatusOr<v1::Sandbox> created = client().Create(
        Proto<v1::Sandbox>(absl::StrCat(Vm("", absl::StrCat("disk: '", disk_, "'")), "network { ports { guest_port: 80 } }")));
    ASSERT_TRUE(created.ok()) << created.status();
    id_ = created->id();
    AwaitBoot(id_);
  }
  static void TearDownTestSuite() {
    EXPECT_TRUE(client().Delete(id_).ok());
    EXPECT_EQ(NewLeavings(lab(), server(), before_), "");
    VmTest::TearDownTestSuite();
  }
  void SetUp() override {
    VmTest::SetUp();
    ASSERT_NE(id_, "");
  }

  // Runs a program of busybox's in the machine, or fails.
  static ExecResult InVm(const std::string& script) { return Run(id_, {"sh", "-c", script}); }
  static lab::CommandResult Cli(const std::vector<std::string>& args) {
    std::vector<std::string> command = {"env", absl::StrCat("SLUICE_SERVER=", server().unix_address()),
                                        Runfile("clients/cli/sluice")};
    command.insert(command.end(), args.begin(), args.end());
    return RunOnHost(command);
  }

  static std::multiset<std::string> before_;
  static std::string disk_;
  static std::string id_;
};

std::multiset<std::string> VmGuestTest::before_;
std::string VmGuestTest::disk_;
std::string VmGuestTest::id_;

TEST_F(VmGuestTest, TakesItsNetworkFromDhcp) {
  EXPECT_THAT(InVm("ip -4 address show dev eth0").out, HasSubstr("inet 10.0.2.15/24"));
  EXPECT_EQ(InVm("cat /etc/resolv.conf").out, "nameserver 10.0.2.3\n");
  EXPECT_EQ(InVm("wget -q -O - http://web.example.com/hello").out, "hello from the web\n");
  EXPECT_EQ(InVm("ping -c 1 -W 5 93.184.216.34").code, 0);
}

TEST_F(VmGuestTest, TakesItsNetworkFromRouterAdvertisements) {
  // It tells at first whether another has its address (RFC 4862, 5.4).
  EXPECT_THAT(InVm("until ip -6 address show dev eth0 scope global | grep -v tentative | grep inet6; do sleep 0.1; done").out,
              HasSubstr("fd73:6c75:6963:1:"));
  EXPECT_EQ(InVm("rdnss eth0 | tee /tmp/resolver").out, absl::StrCat(kResolver6, "\n"));
  EXPECT_THAT(InVm("nslookup -type=aaaa web.example.com $(cat /tmp/resolver)").out, HasSubstr("2606:2800:220:1::1"));
  EXPECT_EQ(InVm("wget -q -O - http://[2606:2800:220:1::1]/hello").out, "hello from the web\n");
  EXPECT_EQ(InVm("ping -6 -c 1 -W 5 2606:2800:220:1::1").code, 0);
}

TEST_F(VmGuestTest, IsReachedThroughAPublishedPort) {
  const absl::StatusOr<v1::Sandbox> sandbox = client().Get(id_);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  const uint32_t port = sandbox->network_status().ports(0).host_port();
  EXPECT_EQ(RunOnHost(Curl(absl::StrCat("http://127.0.0.1:", port, "/"))).out, "hello from the machine\n");
}

// Each probe is refused, and nothing of it seen on the wire, until one rule allows it.
TEST_F(VmGuestTest, WhatThePolicyRefusesDoesNotLeave) {
  const auto sniffer = Sniff(Sniffer::Where::kLan);
  const struct {
    const char* address;
    uint32_t port;
    uint8_t protocol;
    const char* probe;
  } kProbes[] = {{"10.1.2.3", 80, IPPROTO_TCP, "timeout 5 wget -q -O - http://10.1.2.3/"},
                 {"fd00:10::3", 80, IPPROTO_TCP, "timeout 5 wget -q -O - http://[fd00:10::3]/"},
                 {"10.1.2.3", 0, IPPROTO_ICMP, "ping -c 1 -W 2 10.1.2.3"},
                 {"fd00:10::3", 0, IPPROTO_ICMPV6, "ping -6 -c 1 -W 2 fd00:10::3"}};
  for (const auto& [address, port, protocol, probe] : kProbes) {
    EXPECT_NE(InVm(probe).code, 0) << probe;
    AwaitEvent(id_, Denied(address, port, v1::Verdict::REASON_DEFAULT));
    EXPECT_EQ(Arrived(*sniffer, protocol, address, static_cast<uint16_t>(port)), 0) << probe;
  }
  SetPolicy(id_, "preset: PRESET_PUBLIC_ONLY"
                 " rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } peers { cidr: 'fd00:10::3' } }");
  for (const auto& [address, port, protocol, probe] : kProbes) {
    EXPECT_EQ(InVm(probe).code, 0) << probe;
    EXPECT_GT(Arrived(*sniffer, protocol, address, static_cast<uint16_t>(port)), 0) << probe;
  }
  SetPolicy(id_, "preset: PRESET_PUBLIC_ONLY");
}

TEST_F(VmGuestTest, ANameThatIsBlockedDoesNotResolve) {
  const std::string probe = "timeout 5 wget -q -O - http://web.example.com/hello";
  SetPolicy(id_, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { domain: 'web.example.com' } }");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  EXPECT_NE(InVm(probe).code, 0);
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.34", 80), 0);
  SetPolicy(id_, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(InVm(probe).out, "hello from the web\n");
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "93.184.216.34", 80), 0);
}

TEST_F(VmGuestTest, NoneTakesItsNetworkAndNothingElse) {
  SetPolicy(id_, "preset: PRESET_NONE");
  EXPECT_EQ(InVm("cat /sys/class/net/eth0/carrier").out, "0\n");
  EXPECT_NE(InVm("timeout 5 wget -q -O - http://93.184.216.34/hello").code, 0);
  SetPolicy(id_, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(InVm("until [ $(cat /sys/class/net/eth0/carrier) = 1 ]; do sleep 0.1; done;"
                 "timeout 5 wget -q -O - http://93.184.216.34/hello").out,
            "hello from the web\n");
}

TEST_F(VmGuestTest, RunsPrograms) {
  GuestExec exec(client(), id_, {"sh", "-c", "cat; echo to stderr >&2; exit 7"});
  exec.Write("what came in");
  exec.CloseInput();
  const absl::StatusOr<ExecResult> result = exec.Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "what came in");
  EXPECT_EQ(result->err, "to stderr\n");
  EXPECT_EQ(result->code, 7);
  EXPECT_EQ(Run(id_, {"no-such-program"}).code, 127);
  EXPECT_EQ(InVm("kill -9 $$").code, 128 + SIGKILL);
}

TEST_F(VmGuestTest, ProgramsStream) {
  GuestExec exec(client(), id_, {"sh", "-c", "while read -r line; do echo \"got $line\"; done; head -c 4000000 /dev/zero; exit 7"});
  for (const char* line : {"one", "two"}) {
    exec.Write(absl::StrCat(line, "\n"));
    EXPECT_EQ(exec.ReadLine().value_or(""), absl::StrCat("got ", line));
  }
  exec.CloseInput();
  const absl::StatusOr<ExecResult> result = exec.Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out.size(), 4000000u);
  EXPECT_EQ(result->code, 7);
}

TEST_F(VmGuestTest, RunsAProgramInADirectoryAsAUser) {
  v1::ExecStart start;
  start.set_sandbox_id(id_);
  for (const char* arg : {"sh", "-c", "pwd; echo $A; id -u; id -g"}) start.add_args(arg);
  (*start.mutable_env())["A"] = "b";
  start.set_working_directory("/www");
  const auto run = [](const v1::ExecStart& program) {
    GuestExec exec(client(), program);
    exec.CloseInput();
    return exec.Wait();
  };
  EXPECT_EQ(run(start).value_or(ExecResult()).out, "/www\nb\n0\n0\n");
  start.set_user("1000:100");
  EXPECT_EQ(run(start).value_or(ExecResult()).out, "/www\nb\n1000\n100\n");
  start.set_user("guest");
  EXPECT_EQ(run(start).value_or(ExecResult()).out, "/www\nb\n1001\n101\n");
  start.set_user("stranger");
  EXPECT_EQ(run(start).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(run(start).status().message()), HasSubstr("user: is not a user of the guest"));
  start.clear_user();
  start.set_working_directory("/nowhere");
  EXPECT_THAT(std::string(run(start).status().message()), HasSubstr("working_directory: is not a directory of the guest"));
  EXPECT_EQ(run(start).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(VmGuestTest, GivesAProgramATerminal) {
  v1::ExecStart start;
  start.set_sandbox_id(id_);
  for (const char* arg : {"sh", "-c", "test -t 0 && stty size; id -u; read -r line; stty size; sleep 1000; exit 7"}) {
    start.add_args(arg);
  }
  start.mutable_terminal()->set_columns(132);
  start.mutable_terminal()->set_rows(43);
  start.set_user("1000");
  GuestExec exec(client(), start);
  EXPECT_EQ(exec.ReadLine().value_or(""), "43 132\r");
  EXPECT_EQ(exec.ReadLine().value_or(""), "1000\r");
  exec.Resize(100, 50);
  exec.Write("go on\r");
  EXPECT_EQ(exec.ReadLine().value_or(""), "go on\r") << "the terminal's echo";
  EXPECT_EQ(exec.ReadLine().value_or(""), "50 100\r");
  exec.Write("\3");
  EXPECT_EQ(exec.Wait().value_or(ExecResult()).code, 128 + SIGINT);
  start.mutable_args()->at(2) = "test -t 0 && exit 7";
  EXPECT_EQ(GuestExec(client(), start).Wait().value_or(ExecResult()).code, 7);
  EXPECT_EQ(RunInGuest(client(), id_, {"sh", "-c", "test -t 0 && exit 7"}).value_or(ExecResult()).code, 1);
}

TEST_F(VmGuestTest, MovesFiles) {
  const std::string sent = lab().Path("sent");
  const std::string back = lab().Path("back");
  ASSERT_EQ(RunOnHost({"sh", "-c", absl::StrCat("head -c 1000000 /dev/urandom >", sent, " && chmod 751 ", sent)}).exit_code, 0);
  const lab::CommandResult in = Cli({"cp", sent, absl::StrCat(id_, ":/www/sent")});
  EXPECT_EQ(in.exit_code, 0) << in.err;
  EXPECT_EQ(InVm("stat -c %a:%s /www/sent").out, "751:1000000\n");
  const lab::CommandResult out = Cli({"cp", absl::StrCat(id_, ":/www/sent"), back});
  EXPECT_EQ(out.exit_code, 0) << out.err;
  EXPECT_EQ(RunOnHost({"cmp", sent, back}).exit_code, 0);
  EXPECT_THAT(Cli({"cp", absl::StrCat(id_, ":/none"), back}).err, HasSubstr("there is no /none in the guest"));
  EXPECT_EQ(InVm("ls -a /www | grep sluice").out, "") << "nothing is left of a write";
}

TEST_F(VmGuestTest, SoManyFileCallsAtOnceAndNoMore) {
  constexpr int kMost = 8;  // VmGuest::kMaxFileCalls
  struct Writing {
    grpc::ClientContext context;
    v1::WriteFileResponse response;
    std::unique_ptr<grpc::ClientWriter<v1::WriteFileRequest>> stream;
  };
  const auto stat = [] {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    v1::StatFileResponse response;
    return client().guests().StatFile(&context, Proto<v1::StatFileRequest>(absl::StrCat("sandbox_id: '", id_, "' path: '/www'")), &response);
  };
  ASSERT_EQ(InVm("mkdir /tmp/held").code, 0);
  std::array<Writing, kMost> held;
  for (Writing& writing : held) {
    SetTimeout(kCallTimeout, writing.context);
    writing.stream = client().guests().WriteFile(&writing.context, &writing.response);
    writing.stream->Write(Proto<v1::WriteFileRequest>(absl::StrCat("open { sandbox_id: '", id_, "' path: '/tmp/held/file' }")));
  }
  // Each has begun when it has a file of its own.
  ASSERT_EQ(InVm(absl::StrCat("until [ $(ls -A /tmp/held | wc -l) = ", kMost, " ]; do sleep 0.1; done")).code, 0);
  EXPECT_EQ(stat().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(stat().error_message(), HasSubstr("8 calls about files under way already"));
  held.front().context.TryCancel();
  EXPECT_FALSE(held.front().stream->Finish().ok());
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (!stat().ok() && absl::Now() < deadline) {
  }
  EXPECT_TRUE(stat().ok()) << "one that ended made room";
  for (size_t i = 1; i < held.size(); ++i) {
    held[i].stream->WritesDone();
    EXPECT_TRUE(held[i].stream->Finish().ok());
  }
}

TEST_F(VmGuestTest, ReadsItsDiskAndForgetsWhatItWrote) {
  EXPECT_EQ(InVm("head -c 8 /dev/vda && printf changed0 > /dev/vda && sync && head -c 8 /dev/vda").out, "originalchanged0");
  EXPECT_EQ(RunOnHost({"head", "-c", "8", disk_}).out, "original");
}

TEST_F(VmGuestTest, WritesSoMuchToItsDiskAndNoMore) {
  const std::string write = "dd if=/dev/urandom of=/dev/vda bs=1M conv=fsync seek=16 count=";
  EXPECT_EQ(InVm(write + "2").code, 0);
  EXPECT_NE(InVm(write + "16").code, 0);
  EXPECT_EQ(InVm("head -c 2 /dev/zero | wc -c").out, "2\n") << "the machine goes on";
}

TEST_F(VmGuestTest, QemuIsNobodyAndHasNothing) {
  const std::string note = absl::StrCat(server().state_dir(), "/guests/", client().Get(id_)->uid(), "/qemu.pid");
  const std::string pid(absl::StripAsciiWhitespace(RunOnHost({"cut", "-d ", "-f1", note}).out));
  const std::string status = RunOnHost({"cat", absl::StrCat("/proc/", pid, "/status")}).out;
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(status, testing::Not(HasSubstr("Uid:\t0")));
  EXPECT_EQ(RunOnHost({"nsenter", absl::StrCat("--net=/proc/", pid, "/ns/net"), "ip", "-brief", "link"}).out.substr(0, 2), "lo");
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
      {absl::StrCat("kernel: '", kernel(), "' initrd: '/nowhere'"), "sandbox.guest.vm.initrd: cannot be opened"},
      {absl::StrCat("kernel: '", kernel(), "' disk: '/dev'"), "sandbox.guest.vm.disk: is not a regular file"},
      {absl::StrCat("kernel: '", kernel(), "' memory_bytes: 1"), "sandbox.guest.vm.memory_bytes"},
      {absl::StrCat("kernel: '", kernel(), "' cpus: 1000"), "sandbox.guest.vm.cpus"},
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
