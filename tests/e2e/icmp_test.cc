// What ICMP says: pings, what could not be reached, and what was too big.

#include <netinet/in.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using lab::Sniffer;
using testing::AnyOf;
using testing::HasSubstr;

constexpr char kV4[] = "198.35.26.96";
constexpr char kV6[] = "2606:2800:220:1::7";
constexpr char kUnreachableV4[] = "151.101.1.1";
constexpr char kUnreachableV6[] = "2a04:4e42:1::1";
constexpr char kSilentV4[] = "151.101.2.1";
constexpr char kSilentV6[] = "2a04:4e42:2::1";
constexpr char kFarV4[] = "151.101.64.2";
constexpr char kFarV6[] = "2a04:4e42:64::2";
constexpr int kFarMtu = 1300;
constexpr int kUdpPort = 9100;

Command Join(Command command, const Command& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

// Sends datagrams that may not be cut, until the kernel knows how large they may
// be, and prints that; then one of that size, and whether it was answered.
constexpr absl::string_view kPathMtu = R"(
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
v6 = ':' in address
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
s.setsockopt(level, 23 if v6 else 10, 2)  # IPV6_MTU_DISCOVER, IP_MTU_DISCOVER: DO
s.settimeout(1)
s.connect((address, port))
for _ in range(10):
    try:
        s.send(bytes(1400))
        s.recv(100)
    except TimeoutError:
        continue
    except OSError:
        break
mtu = s.getsockopt(level, 24 if v6 else 14)  # IPV6_MTU, IP_MTU
s.settimeout(5)
s.send(bytes(mtu - (48 if v6 else 28)))
print(mtu, 'answered' if s.recv(100) else '')
)";

class IcmpTest : public E2eTest {
 protected:
  static void InInet(const Command& command) {
    const auto result = lab().RunIn(lab::Ns::kInet, command);
    EXPECT_TRUE(result.ok() && result->exit_code == 0) << (result.ok() ? result->err : result.status().ToString());
  }
  static void SetPingGroupRange(const std::string& range) {
    EXPECT_EQ(RunOnHost({"sysctl", "-qw", absl::StrCat("net.ipv4.ping_group_range=", range)}).exit_code, 0);
  }

  // A namespace behind the internet's, at the end of a link with a smaller MTU.
  void MakeFarSide() {
    auto far_side = lab::Process::Spawn({"unshare", "--net", "sh", "-c", "ip link set lo up; echo $$; exec sleep infinity"}, {});
    ASSERT_TRUE(far_side.ok()) << far_side.status();
    far_side_ = *std::move(far_side);
    const std::string pid = far_side_->ReadLine(kEventTimeout).value_or("");
    InInet({"sh", "-ec",
            absl::StrCat("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1;"
                         "ip link add far mtu ", kFarMtu, " type veth peer name eth0 netns ", pid, ";"
                         "ip link set far up; ip address add 151.101.64.1/24 dev far;"
                         "ip address add 2a04:4e42:64::1/64 dev far nodad")});
    in_far_side_ = {"nsenter", absl::StrCat("--net=/proc/", pid, "/ns/net"), "--"};
    const auto configured = lab::RunCommand(
        Join(in_far_side_, {"sh", "-ec",
                            absl::StrCat("ip link set eth0 up mtu ", kFarMtu, "; ip address add ", kFarV4, "/24 dev eth0;"
                                         "ip address add ", kFarV6, "/64 dev eth0 nodad;"
                                         "ip route add default via 151.101.64.1; ip route add default via 2a04:4e42:64::1")}),
        kEventTimeout);
    ASSERT_TRUE(configured.ok() && configured->exit_code == 0) << (configured.ok() ? configured->err : "");
  }
  // A program of the far side that says when it is ready.
  std::unique_ptr<lab::Process> ServeFarAway(const Command& command) {
    auto server = lab::Process::Spawn(Join(in_far_side_, command), {});
    EXPECT_TRUE(server.ok()) << server.status();
    if (!server.ok()) return nullptr;
    EXPECT_EQ((*server)->ReadLine(kEventTimeout).value_or("nothing"), "ready");
    return *std::move(server);
  }

 private:
  std::unique_ptr<lab::Process> far_side_;
  Command in_far_side_;
};

TEST_F(IcmpTest, APingIsAnsweredOrTheGuestIsToldWhyNot) {
  const std::string id = CreateOci("");
  for (const char* up : {kV4, kV6}) EXPECT_EQ(Run(id, Ping(up)).code, 0) << up;
  InInet({"ip", "route", "add", "unreachable", kUnreachableV4});
  InInet({"ip", "-6", "route", "add", "unreachable", kUnreachableV6});
  InInet({"sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"});
  for (const char* down : {kUnreachableV4, kUnreachableV6}) {
    const ExecResult told = Run(id, Ping(down));
    EXPECT_EQ(told.code, 1) << down;
    EXPECT_THAT(told.out, AnyOf(HasSubstr("Destination Host Unreachable"), HasSubstr("Address unreachable"),
                                HasSubstr("No route")));
  }
  InInet({"ip", "route", "add", "blackhole", kSilentV4});
  InInet({"ip", "-6", "route", "add", "blackhole", kSilentV6});
  for (const char* silent : {kSilentV4, kSilentV6}) {
    const ExecResult lost = Run(id, {"ping", "-n", "-c", "1", "-W", "1", silent});
    EXPECT_EQ(lost.code, 1);
    EXPECT_THAT(lost.out, HasSubstr("1 packets transmitted, 0 received, 100% packet loss"));
  }
}

TEST_F(IcmpTest, TheGatewayAnswersForItselfWhereTheHostIsAllowed) {
  const std::string id = CreateOci("preset: PRESET_ALLOW_ALL");
  for (const char* gateway : {"10.0.2.2", "fd73:6c75:6963:1::2"}) {
    SCOPED_TRACE(gateway);
    SetPolicy(id, "preset: PRESET_ALLOW_ALL");
    EXPECT_EQ(Run(id, Ping(gateway)).code, 0);
    SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
    EXPECT_EQ(Run(id, Ping(gateway)).code, 1);
    AwaitEvent(id, Denied(gateway, 0, v1::Verdict::REASON_DEFAULT));
  }
}

TEST_F(IcmpTest, WithoutPingSocketsOnTheHostTheGuestIsToldAndNothingLeaves) {
  const std::string id = CreateOci("");
  const auto sniffer = Sniff(Sniffer::Where::kInternet);
  SetPingGroupRange("1 0");
  for (const char* address : {kV4, kV6}) {
    SCOPED_TRACE(address);
    const ExecResult ping = Run(id, Ping(address));
    EXPECT_EQ(ping.code, 1);
    EXPECT_THAT(ping.out, AnyOf(HasSubstr("Packet filtered"), HasSubstr("Administratively prohibited")));
    AwaitEvent(id, Denied(address, 0, v1::Verdict::REASON_UNSUPPORTED));
    // Nor does the datagram to port 7 that libslirp would send in its place.
    for (const int protocol : {int{IPPROTO_ICMP}, int{IPPROTO_ICMPV6}, int{IPPROTO_UDP}}) {
      EXPECT_EQ(Arrived(*sniffer, static_cast<uint8_t>(protocol), address, 0), 0);
    }
  }
  SetPingGroupRange("0 2147483647");
  for (const char* address : {kV4, kV6}) EXPECT_EQ(Run(id, Ping(address)).code, 0) << address;
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_ICMP, kV4, 0), 1);
}

TEST_F(IcmpTest, ALinkOfASmallerMtuIsNoObstacle) {
  ASSERT_NO_FATAL_FAILURE(MakeFarSide());
  const std::string id = CreateOci("");
  const auto tcp = ServeFarAway(FlowCases({"serve", kFarV4, kFarV6}));
  const auto udp = ServeFarAway(UdpWhoAmIServer(kUdpPort));
  for (const char* address : {kFarV4, kFarV6}) {
    SCOPED_TRACE(address);
    EXPECT_EQ(Run(id, FlowCases({"echo-64k-and-1", address})).out, "whole\n");
    const ExecResult ping = Run(id, {"ping", "-n", "-M", "do", "-s", "1400", "-c", "1", "-W", "5", address});
    EXPECT_EQ(ping.code, 1);
    EXPECT_THAT(ping.out, AnyOf(HasSubstr(absl::StrCat("mtu = ", kFarMtu)), HasSubstr(absl::StrCat("mtu=", kFarMtu))));
    const ExecResult path = Run(id, Python(kPathMtu, {address, absl::StrCat(kUdpPort)}));
    EXPECT_EQ(path.out, absl::StrCat(kFarMtu, " answered\n")) << path.err;
  }
}

TEST_F(IcmpTest, ToolsThatTraceARouteEnd) {
  const std::string id = CreateOci("");
  for (const char* address : {kV4, kV6}) {
    SCOPED_TRACE(address);
    for (const Command& tool : {Command{"/usr/sbin/traceroute", "-n", "-q", "1", "-w", "1", "-m", "4", address},
                                Command{"/usr/bin/tracepath", "-n", "-m", "4", address}}) {
      const ExecResult traced = Run(id, tool);
      EXPECT_EQ(traced.code, 0) << tool[0] << traced.err;
      EXPECT_NE(traced.out, "");
    }
    EXPECT_EQ(Run(id, UdpEcho(address)).out, "ping\n");
  }
}

}  // namespace
}  // namespace sluice::e2e
