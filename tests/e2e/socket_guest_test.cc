// Guests behind a VMM's socket: a program that speaks Ethernet itself.

#include <netinet/in.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using testing::HasSubstr;

constexpr char kGatewayMac[] = "52:55:0a:00:02:02";
constexpr char kProgram[] = "tests/e2e/ethernet_guest.py";

class SocketGuestTest : public E2eTest {
 protected:
  std::string CreateSocket(absl::string_view framing, absl::string_view policy = "") {
    return Create(absl::StrCat("guest { socket { framing: ", framing, " } } network { policy { ",
                               policy.empty() ? "preset: PRESET_PUBLIC_ONLY" : policy, " } }"));
  }
  static std::string SocketPath(const std::string& id) {
    const absl::StatusOr<v1::Sandbox> sandbox = client().Get(id);
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    return sandbox.ok() ? sandbox->network_status().socket_path() : "";
  }
  // What the guest's program prints.
  static std::string RunGuest(const std::string& framing, const std::string& id, std::vector<std::string> commands) {
    std::vector<std::string> args = {"/usr/bin/python3", "-B", kProgram, framing, SocketPath(id)};
    args.insert(args.end(), commands.begin(), commands.end());
    // It is slow where the machine is busy.
    const absl::StatusOr<lab::CommandResult> result = lab().RunInHost(args, absl::Seconds(90));
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return "";
    EXPECT_EQ(result->exit_code, 0) << result->err;
    return result->out;
  }
};

TEST_F(SocketGuestTest, SpeaksEthernet) {
  const std::string id = CreateSocket("FRAMING_STREAM");
  EXPECT_EQ(RunGuest("stream", id, {"arp", "dhcp", "dns=web.example.com", "get=93.184.216.34/hello"}),
            absl::StrCat("arp ", kGatewayMac, "\ndhcp 10.0.2.15\ndns 93.184.216.34\n",
                         "get hello from the web, frames up to 590\n"));
  // The guest's MTU is kept: TCP comes in segments, UDP in fragments. And a peer
  // that comes after another is served.
  EXPECT_EQ(RunGuest("stream", id, {"arp", "get=93.184.216.34/big", "udp=198.35.26.96/9000"}),
            absl::StrCat("arp ", kGatewayMac, "\nget 10485760 bytes, frames up to 1514\nudp 9000 bytes back\n"));
}

TEST_F(SocketGuestTest, TellsAGuestThatConfiguresItselfAllItNeeds) {
  const std::string id = CreateSocket("FRAMING_STREAM");
  EXPECT_EQ(RunGuest("stream", id, {"router"}), "router fd73:6c75:6963:1::/64 1500 fd73:6c75:6963:1::3\n");
}

TEST_F(SocketGuestTest, PutsAStreamTogetherFromSingleBytes) {
  const std::string id = CreateSocket("FRAMING_STREAM");
  EXPECT_THAT(RunGuest("stream", id, {"split", "arp", "get=93.184.216.34/hello"}), HasSubstr("get hello from the web"));
}

TEST_F(SocketGuestTest, DeniesWhatThePolicyDenies) {
  const std::string id = CreateSocket("FRAMING_STREAM");
  const auto sniffer = Sniff(lab::Sniffer::Where::kLan);
  EXPECT_THAT(RunGuest("stream", id, {"arp", "get=10.1.2.3/"}), HasSubstr("get refused\n"));
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 80), 0);
  AwaitEvent(id, Denied("10.1.2.3", 80, v1::Verdict::REASON_DEFAULT));
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }");
  EXPECT_THAT(RunGuest("stream", id, {"arp", "get=10.1.2.3/"}), testing::Not(HasSubstr("refused")));
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 80), 0);
}

TEST_F(SocketGuestTest, KeepsItsGuestConnectedWhileTheLinkIsDown) {
  const std::string id = CreateSocket("FRAMING_STREAM", "preset: PRESET_NONE");
  auto guest = lab().Spawn(lab::Ns::kHost, {"/usr/bin/python3", "-B", kProgram, "stream", SocketPath(id), "arp",
                                            "get=93.184.216.34/hello", "wait", "arp", "get=93.184.216.34/hello", "wait",
                                            "arp", "get=93.184.216.34/hello"});
  ASSERT_TRUE(guest.ok()) << guest.status();
  const auto line = [&] { return (*guest)->ReadLine(kEventTimeout).value_or("nothing"); };
  const auto go_on = [&] { EXPECT_TRUE((*guest)->Signal(SIGUSR1).ok()); };
  const auto expect_silence = [&] {
    EXPECT_EQ(line(), "arp silence");
    EXPECT_EQ(line(), "get silence");
  };
  expect_silence();
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  go_on();
  EXPECT_EQ(line(), absl::StrCat("arp ", kGatewayMac));
  EXPECT_THAT(line(), HasSubstr("get hello from the web"));
  SetPolicy(id, "preset: PRESET_NONE");
  go_on();
  expect_silence();
  AwaitEvent(id, Denied("93.184.216.34", 80, v1::Verdict::REASON_PRESET));
}

TEST_F(SocketGuestTest, MakesTheSocketWhereItIsToldAndTakesItAway) {
  const std::string path = lab().Path("vm.sock");
  const std::string spec = absl::StrCat("guest { socket { framing: FRAMING_STREAM path: '", path, "' } }");
  const absl::StatusOr<v1::Sandbox> sandbox = client().Create(Proto<v1::Sandbox>(spec));
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(sandbox->network_status().socket_path(), path);
  EXPECT_EQ(RunOnHost({"stat", "-c", "%F %a", path}).out, "socket 600\n");
  EXPECT_NE(RunOnHost({"setpriv", "--reuid=65534", "--clear-groups", "socat", "-u", "/dev/null",
                       absl::StrCat("UNIX-CONNECT:", path)})
                .exit_code,
            0);
  EXPECT_TRUE(absl::IsAlreadyExists(client().Create(Proto<v1::Sandbox>(spec)).status()));
  EXPECT_TRUE(client().Delete(sandbox->id()).ok());
  EXPECT_NE(RunOnHost({"stat", path}).exit_code, 0);
}

TEST_F(SocketGuestTest, RefusesASocketThatCannotBe) {
  for (const char* socket : {"", "framing: FRAMING_STREAM path: 'vm.sock'", "framing: FRAMING_STREAM path: '/nowhere/vm'"}) {
    const absl::Status status = client().Create(Proto<v1::Sandbox>(absl::StrCat("guest { socket { ", socket, " } }"))).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
}

TEST_F(SocketGuestTest, SpeaksEthernetInDatagrams) {
  const std::string id = CreateSocket("FRAMING_DATAGRAM");
  // A VMM that is connected, one that is not, each after another.
  for (const char* framing : {"datagram", "open-datagram", "datagram"}) {
    SCOPED_TRACE(framing);
    EXPECT_EQ(RunGuest(framing, id, {"arp", "dhcp", "dns=web.example.com", "get=93.184.216.34/hello"}),
              absl::StrCat("arp ", kGatewayMac, "\ndhcp 10.0.2.15\ndns 93.184.216.34\n",
                           "get hello from the web, frames up to 590\n"));
  }
  EXPECT_EQ(RunGuest("datagram", id, {"arp", "get=93.184.216.34/big", "udp=198.35.26.96/9000"}),
            absl::StrCat("arp ", kGatewayMac, "\nget 10485760 bytes, frames up to 1514\nudp 9000 bytes back\n"));
}

TEST_F(SocketGuestTest, DeniesInDatagramsWhatThePolicyDenies) {
  const std::string id = CreateSocket("FRAMING_DATAGRAM");
  const auto sniffer = Sniff(lab::Sniffer::Where::kLan);
  EXPECT_THAT(RunGuest("datagram", id, {"arp", "get=10.1.2.3/"}), HasSubstr("get refused\n"));
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 80), 0);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: '10.1.2.3' } }");
  EXPECT_THAT(RunGuest("datagram", id, {"arp", "get=10.1.2.3/"}), testing::Not(HasSubstr("refused")));
  EXPECT_GT(Arrived(*sniffer, IPPROTO_TCP, "10.1.2.3", 80), 0);
}

TEST_F(SocketGuestTest, HearsOneVmmAtATimeInDatagrams) {
  const std::string id = CreateSocket("FRAMING_DATAGRAM");
  const std::string path = SocketPath(id);
  auto first = lab().Spawn(lab::Ns::kHost, {"/usr/bin/python3", "-B", kProgram, "datagram", path, "arp", "wait", "arp"});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto line = [&] { return (*first)->ReadLine(kEventTimeout).value_or("nothing"); };
  EXPECT_EQ(line(), absl::StrCat("arp ", kGatewayMac));
  const auto second = lab().RunInHost({"/usr/bin/python3", "-B", kProgram, "datagram", path, "arp"});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(second->err, HasSubstr("PermissionError"));
  EXPECT_TRUE((*first)->Signal(SIGUSR1).ok());
  EXPECT_EQ(line(), absl::StrCat("arp ", kGatewayMac)) << "the first is unharmed";
}

}  // namespace
}  // namespace sluice::e2e
