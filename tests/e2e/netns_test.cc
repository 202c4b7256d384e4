// Network namespaces of someone else, who may be root in them and send what no
// stack would.

#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::HasSubstr;
using testing::Not;

constexpr char kGuest[] = "10.0.2.15";
constexpr char kGuest6[] = "fd73:6c75:6963:1::f";
constexpr char kEcho[] = "198.35.26.96";
constexpr char kEcho6[] = "2606:2800:220:1::7";

class NetnsTest : public E2eTest {
 protected:
  void SetUp() override {
    E2eTest::SetUp();
    auto guest = lab::Process::Spawn(
        {"unshare", "--net", "sh", "-c", "ip link set lo up && echo $$ && exec sleep infinity"}, {});
    ASSERT_TRUE(guest.ok()) << guest.status();
    guest_ = *std::move(guest);
    const auto pid = guest_->ReadLine(absl::Seconds(30));
    ASSERT_TRUE(pid.ok() && absl::SimpleAtoi(*pid, &pid_)) << pid.status();
  }

  std::string Path() const { return absl::StrCat("/proc/", pid_, "/ns/net"); }
  std::string CreateByPid(absl::string_view network = "") {
    return Create(absl::StrCat("guest { netns { pid: ", pid_, " } } network { ", network, " }"));
  }

  // Runs a command in the namespace, as root.
  lab::CommandResult Inside(const Command& command) const {
    Command inside = {"nsenter", absl::StrCat("--net=", Path()), "--"};
    inside.insert(inside.end(), command.begin(), command.end());
    const auto result = lab::RunCommand(inside, absl::Seconds(30));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  }
  std::string Links() const { return Inside({"ip", "-brief", "link"}).out; }

  // Sends one frame that is not the kernel's.
  void SendFrame(const std::string& protocol, const std::string& source, const std::string& destination, int port,
                 const std::string& mac = "") const {
    Command command = {"/usr/bin/python3", Runfile("tests/e2e/raw_frame.py"), "eth0", protocol, source, destination,
                       absl::StrCat(port)};
    if (!mac.empty()) command.push_back(mac);
    const lab::CommandResult result = Inside(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  std::unique_ptr<lab::Process> guest_;
  int pid_ = 0;
};

TEST_F(NetnsTest, IsAttachedByPathOrPidAndLeftAsItWas) {
  const std::string before = Links();
  for (const std::string& where : {absl::StrCat("path: '", Path(), "'"), absl::StrCat("pid: ", pid_)}) {
    SCOPED_TRACE(where);
    const std::string id = Create(absl::StrCat("guest { netns { ", where, " interface_name: 'net7' } }"));
    const std::string addresses = Inside({"ip", "-brief", "address"}).out;
    EXPECT_THAT(addresses, HasSubstr("net7"));
    EXPECT_THAT(addresses, HasSubstr("10.0.2.15/24"));
    EXPECT_THAT(addresses, HasSubstr("fd73:6c75:6963:1::f/64"));
    EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");
    EXPECT_EQ(Inside(Dig("10.0.2.3", "web.example.com")).out, "93.184.216.34\n");
    EXPECT_EQ(Inside(Curl("http://10.1.2.3/")).exit_code, kCurlCannotConnect);
    AwaitEvent(id, Denied("10.1.2.3", 80, v1::Verdict::REASON_DEFAULT));
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }");
    EXPECT_EQ(Inside(Curl("http://10.1.2.3/")).out, "internal service\n");
    ASSERT_TRUE(client().Delete(id).ok());
    EXPECT_EQ(Links(), before);
  }
}

TEST_F(NetnsTest, HasNoInterfaceUnderNone) {
  const std::string before = Links();
  const std::string id = CreateByPid("policy { preset: PRESET_NONE }");
  EXPECT_EQ(Links(), before);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");
  SetPolicy(id, "preset: PRESET_NONE");
  EXPECT_EQ(Links(), before);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");
}

TEST_F(NetnsTest, RunsNoProgramsOfTheServers) {
  const absl::StatusOr<ExecResult> result = RunInGuest(client(), CreateByPid(), {"true"});
  EXPECT_TRUE(absl::IsFailedPrecondition(result.status())) << result.status();
}

TEST_F(NetnsTest, HasOneSandboxAtATime) {
  const std::string first = CreateByPid();
  const std::string spec = absl::StrCat("guest { netns { pid: ", pid_, " } }");
  EXPECT_TRUE(absl::IsAlreadyExists(client().Create(Proto<v1::Sandbox>(spec)).status()));
  const std::string other = absl::StrCat("guest { netns { pid: ", pid_, " interface_name: 'eth1' } }");
  EXPECT_TRUE(absl::IsAlreadyExists(client().Create(Proto<v1::Sandbox>(other)).status()));
  EXPECT_THAT(Links(), Not(HasSubstr("eth1")));
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n") << "the first is unharmed";
}

TEST_F(NetnsTest, IsDeletedThoughItsLastProcessIsGone) {
  const std::string id = CreateByPid();
  ASSERT_TRUE(guest_->Signal(SIGKILL).ok());
  ASSERT_TRUE(guest_->Wait(absl::Seconds(30)).ok());
  EXPECT_TRUE(client().Delete(id).ok());
}

// What a stack sends to its own loopback never leaves it; a raw frame does.
TEST_F(NetnsTest, RawFramesToLoopbackAreDenied) {
  const std::string id = CreateByPid();
  const auto sniffer = Sniff(Sniffer::Where::kHostLoopback);
  ASSERT_NE(sniffer, nullptr);
  for (const auto& [source, destination] : {std::pair(kGuest, "127.0.0.1"), std::pair(kGuest6, "::1")}) {
    SCOPED_TRACE(destination);
    for (const char* protocol : {"udp", "tcp"}) SendFrame(protocol, source, destination, 8080);
    AwaitEvent(id, Denied(destination, 8080, v1::Verdict::REASON_DEFAULT));
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, destination, 8080), 0);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, destination, 8080), 0);
    SetPolicy(id, absl::StrCat("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '", destination,
                               "' } }"));
    for (const char* protocol : {"udp", "tcp"}) {
      SendFrame(protocol, source, destination, 8080);
      AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, destination, 8080));
    }
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  }
}

TEST_F(NetnsTest, RawFramesArriveWhereTheyMay) {
  CreateByPid();
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  for (const auto& [source, destination] : {std::pair(kGuest, kEcho), std::pair(kGuest6, kEcho6)}) {
    SCOPED_TRACE(destination);
    SendFrame("udp", source, destination, 7);
    while (Arrived(*sniffer, IPPROTO_UDP, destination, 7) == 0) {
    }
  }
}

TEST_F(NetnsTest, FramesWithAForgedSenderGoNowhere) {
  const std::string id = CreateByPid();
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  ASSERT_NE(sniffer, nullptr);
  const struct {
    const char* source;
    const char* destination;
    const char* mac;
  } kForged[] = {{"10.0.2.99", kEcho, ""},     {"127.0.0.1", kEcho, ""},           {"198.35.26.96", kEcho, ""},
                 {"10.0.2.2", kEcho, ""},      {"0.0.0.0", kEcho, ""},             {kGuest, kEcho, "02:00:00:00:00:01"},
                 {"fd73:6c75:6963:1::2", kEcho6, ""}, {"::1", kEcho6, ""}, {kGuest6, kEcho6, "02:00:00:00:00:01"}};
  for (const auto& forged : kForged) {
    for (const char* protocol : {"udp", "tcp"}) SendFrame(protocol, forged.source, forged.destination, 7, forged.mac);
  }
  // Frames keep their order, so what comes after them says that they are through.
  SendFrame("udp", kGuest, kEcho, 9);
  AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, kEcho, 9));
  for (const char* destination : {kEcho, kEcho6}) {
    SCOPED_TRACE(destination);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_UDP, destination, 7), 0);
    EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, destination, 7), 0);
  }
  AwaitEvent(id, [](const v1::AuditEvent& event) {
    return event.flow().phase() == v1::FlowEvent::PHASE_DENIED &&
           event.flow().verdict().reason() == v1::Verdict::REASON_MALFORMED;
  });
}

// A guest that gets its addresses by DHCP and by router advertisements, as a VM
// does.
TEST_F(NetnsTest, ConfiguresItselfByDhcpAndRouterAdvertisements) {
  CreateByPid();
  const std::string script = lab().Path("udhcpc");
  std::ofstream(script) << "#!/bin/sh\n[ $1 = bound ] || exit 0\n"
                           "ip address add $ip/$mask dev $interface && ip route add default via $router && echo $dns $lease\n";
  ASSERT_EQ(chmod(script.c_str(), 0755), 0);
  const lab::CommandResult bare = Inside(
      {"sh", "-ec", "ip -4 address flush dev eth0; ip -6 address flush dev eth0; ip -6 route flush dev eth0; ip link set eth0 down;"
                    "/sbin/sysctl -qw net.ipv6.conf.eth0.accept_ra=2 net.ipv6.conf.eth0.router_solicitations=3; ip link set eth0 up"});
  ASSERT_EQ(bare.exit_code, 0) << bare.err;
  EXPECT_NE(Inside(Curl("http://93.184.216.34/hello")).exit_code, 0);

  const lab::CommandResult dhcp = Inside({"busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", script});
  EXPECT_EQ(dhcp.exit_code, 0) << dhcp.err;
  EXPECT_THAT(dhcp.out, HasSubstr("10.0.2.3 "));
  EXPECT_THAT(Inside({"ip", "-brief", "address"}).out, HasSubstr("10.0.2.15/24"));
  EXPECT_EQ(Inside(Curl("http://93.184.216.34/hello")).out, "hello from the web\n");

  // The kernel asks for a router when the link comes up.
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (Inside(Curl("http://[2606:2800:220:1::1]/hello")).out != "hello from the web\n") {
    ASSERT_LT(absl::Now(), deadline) << Inside({"ip", "-6", "address"}).out;
  }
  const std::string addresses = Inside({"ip", "-6", "address", "show", "dynamic"}).out;
  EXPECT_THAT(addresses, HasSubstr("inet6 fd73:6c75:6963:1:"));
  EXPECT_THAT(addresses, Not(HasSubstr("fd73:6c75:6963:1::f/")));
  EXPECT_THAT(Inside({"ip", "-6", "route", "show", "default"}).out, HasSubstr("proto ra"));
}

// The payload of what tcpdump saw between two addresses, and one port, by who
// sent it: "to remote, to guest".
constexpr absl::string_view kPayload = R"(
import re, subprocess, sys
remote, port = sys.argv[2:]
said = subprocess.run(['tcpdump', '-nn', '-q', '-r', sys.argv[1], f'host {remote} and port {port}'],
                      capture_output=True, text=True).stdout
total = {'to': 0, 'from': 0}
for line in said.splitlines():
    source, _, size = re.search(r'IP6? (\S+) > (\S+): .*?(?:tcp|length) (\d+)', line).groups()
    total['from' if source == f'{remote}.{port}' else 'to'] += int(size)
print(f"{total['to']}, {total['from']}")
)";

TEST_F(NetnsTest, CountsTheBytesThatTcpdumpSees) {
  const auto far_side = lab().Spawn(lab::Ns::kInet, FlowCases({"serve", kEcho, kEcho6}));
  ASSERT_TRUE(far_side.ok()) << far_side.status();
  EXPECT_EQ((*far_side)->ReadLine(kEventTimeout).value_or("nothing"), "ready");
  const std::string file = lab().Path("seen");
  for (const char* remote : {kEcho, kEcho6}) {
    SCOPED_TRACE(remote);
    const std::string id = CreateByPid();
    const auto tcpdump = lab::Process::Spawn(
        {"nsenter", absl::StrCat("--net=", Path()), "--", "tcpdump", "-i", "eth0", "-s", "128", "--immediate-mode", "-U",
         "-B", "65536", "-Z", "root", "-w", file},
        {.input = "", .merge_err = true});
    ASSERT_TRUE(tcpdump.ok()) << tcpdump.status();
    EXPECT_THAT((*tcpdump)->ReadLine(kEventTimeout).value_or("nothing"), HasSubstr("listening on eth0"));
    EXPECT_EQ(Inside(FlowCases({"echo-64k-and-1", remote})).out, "whole\n");
    EXPECT_EQ(Inside(UdpEcho(remote)).out, "ping\n");
    const v1::FlowEvent tcp = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, remote, 9000)).flow();
    SetPolicy(id, "preset: PRESET_ALLOWLIST");  // ends the other
    const v1::FlowEvent udp = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, remote, 7)).flow();
    for (const auto& [port, flow] : {std::pair("9000", tcp), std::pair("7", udp)}) {
      const std::string told = absl::StrCat(flow.bytes_to_remote(), ", ", flow.bytes_to_guest(), "\n");
      // tcpdump may be behind.
      const absl::Time deadline = absl::Now() + kEventTimeout;
      std::string seen;
      while (seen != told && absl::Now() < deadline) seen = RunOnHost(Python(kPayload, {file, remote, port})).out;
      EXPECT_EQ(seen, told) << port;
      EXPECT_GE(flow.bytes_to_remote(), 4u);
    }
    EXPECT_GE(tcp.bytes_to_guest(), 65'537u);
    ASSERT_TRUE(client().Delete(id).ok());
  }
}

}  // namespace
}  // namespace sluice::e2e
