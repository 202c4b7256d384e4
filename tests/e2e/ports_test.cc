// Published ports: how the host, and the world outside, reach a guest.

#include <arpa/inet.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr int kGuestPort = 8000;
constexpr char kInetAddress[] = "203.0.112.1";
constexpr char kGateway[] = "10.0.2.2\n";

class PortsTest : public E2eTest {
 protected:
  // A guest that answers with its peer's address on kGuestPort, TCP and UDP.
  std::string CreateServing(absl::string_view network = "") {
    const std::string id = Create(absl::StrCat("guest { oci {} } network { ", network, " }"));
    for (const Command& command : {WhoAmIServer(kGuestPort), UdpWhoAmIServer(kGuestPort)}) {
      servers_.push_back(std::make_unique<GuestExec>(client(), id, command));
      const absl::StatusOr<std::string> line = servers_.back()->ReadLine();
      EXPECT_TRUE(line.ok()) << line.status();
    }
    return id;
  }
  void TearDown() override {
    servers_.clear();
    E2eTest::TearDown();
  }

  static std::string Url(absl::string_view address, uint32_t port) {
    const bool v6 = absl::StrContains(address, ':');
    return absl::StrCat("http://", v6 ? "[" : "", address, v6 ? "]" : "", ":", port, "/");
  }
  static lab::CommandResult RunIn(lab::Ns ns, const Command& command) {
    const auto result = lab().RunIn(ns, command);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : lab::CommandResult();
  }
  // Whether the lab's host can bind the port.
  static bool CanBind(const std::string& address, uint32_t port) {
    const Command bind = Python("import socket, sys\nsocket.create_server((sys.argv[1], int(sys.argv[2])))",
                                {address, absl::StrCat(port)});
    return RunOnHost(bind).exit_code == 0;
  }

 private:
  std::vector<std::unique_ptr<GuestExec>> servers_;
};

TEST_F(PortsTest, ServesTcpAndUdpOnTheHostsLoopback) {
  const std::string id = CreateServing();
  for (const char* address : {"127.0.0.1", "::1"}) {
    SCOPED_TRACE(address);
    const bool v6 = absl::StrContains(address, ':');
    const std::string gateway = v6 ? "fd73:6c75:6963:1::2\n" : kGateway;
    const std::string where = absl::StrCat("host_address: '", address, "' guest_port: ", kGuestPort);
    const v1::PortMapping tcp = Publish(id, where);
    EXPECT_GT(tcp.host_port(), 0u);
    EXPECT_EQ(tcp.protocol(), v1::PROTOCOL_TCP);
    EXPECT_EQ(RunOnHost(Curl(Url(address, tcp.host_port()))).out, gateway);
    const v1::PortMapping udp = Publish(id, absl::StrCat(where, " protocol: PROTOCOL_UDP"));
    EXPECT_EQ(RunOnHost(UdpEcho(address, udp.host_port())).out, gateway);
  }
}

TEST_F(PortsTest, ShowsTheGuestItsPeer) {
  const std::string id = CreateServing();
  const v1::PortMapping tcp = Publish(id, "host_address: '203.0.112.7' guest_port: 8000");
  EXPECT_EQ(RunIn(lab::Ns::kInet, Curl(Url("203.0.112.7", tcp.host_port()))).out, absl::StrCat(kInetAddress, "\n"));
  const v1::PortMapping udp = Publish(id, "protocol: PROTOCOL_UDP host_address: '0.0.0.0' guest_port: 8000");
  EXPECT_EQ(RunIn(lab::Ns::kInet, UdpEcho("203.0.112.7", udp.host_port())).out, absl::StrCat(kInetAddress, "\n"));
  const v1::PortMapping v6 = Publish(id, "host_address: '2606:2800:300::7' guest_port: 8000");
  EXPECT_EQ(RunIn(lab::Ns::kInet, Curl(Url("2606:2800:300::7", v6.host_port()))).out, "2606:2800:300::1\n");
  const v1::AuditEvent event = AwaitEvent(id, [](const v1::AuditEvent& e) {
    return e.flow().phase() == v1::FlowEvent::PHASE_OPENED && e.flow().remote().address() == kInetAddress;
  });
  EXPECT_EQ(event.flow().direction(), v1::DIRECTION_INGRESS);
  EXPECT_EQ(event.flow().guest().port(), 8000u);
}

TEST_F(PortsTest, PublishesOnCreate) {
  const std::string id = CreateServing("ports { guest_port: 8000 } ports { protocol: PROTOCOL_UDP guest_port: 8000 }");
  const absl::StatusOr<v1::Sandbox> sandbox = client().Get(id);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  ASSERT_EQ(sandbox->network_status().ports_size(), 2);
  const v1::PortMapping& tcp = sandbox->network_status().ports(0);
  EXPECT_EQ(tcp.host_address(), "127.0.0.1");
  EXPECT_EQ(RunOnHost(Curl(Url("127.0.0.1", tcp.host_port()))).out, kGateway);
  EXPECT_EQ(RunOnHost(UdpEcho("127.0.0.1", sandbox->network_status().ports(1).host_port())).out, kGateway);
}

TEST_F(PortsTest, RefusesAPortThatIsTaken) {
  const std::string first = CreateOci("");
  const std::string second = CreateOci("");
  const v1::PortMapping taken = Publish(first, "guest_port: 8000");
  EXPECT_TRUE(absl::IsAlreadyExists(client().Publish(first, taken).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(client().Publish(second, taken).status()));
  // Taken by someone else altogether.
  v1::PortMapping foreign = Proto<v1::PortMapping>("host_port: 8080 guest_port: 8000");
  EXPECT_TRUE(absl::IsAlreadyExists(client().Publish(first, foreign).status()));

  v1::Sandbox with_port = Proto<v1::Sandbox>("id: 'late' guest { oci {} }");
  *with_port.mutable_network()->add_ports() = taken;
  EXPECT_TRUE(absl::IsAlreadyExists(client().Create(with_port).status()));
  EXPECT_TRUE(absl::IsNotFound(client().Get("late").status()));
  ASSERT_TRUE(client().Unpublish(first, taken).ok());
  EXPECT_TRUE(client().Publish(second, taken).ok());
}

TEST_F(PortsTest, UnpublishingFreesThePortAndEndsItsFlows) {
  const std::string id = CreateOci("");
  GuestExec echo(client(), id, {"socat", "-d", "-d", "TCP-LISTEN:9000,fork,reuseaddr", "EXEC:cat"});
  const v1::PortMapping port = Publish(id, "guest_port: 9000");
  EXPECT_FALSE(CanBind("127.0.0.1", port.host_port()));
  // A connect succeeds before the guest listens: ask until the echo comes.
  const Command ask = TcpConnect("127.0.0.1", static_cast<int>(port.host_port()));
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (RunOnHost(ask).out != "ping\n") ASSERT_LT(absl::Now(), deadline);
  // Its input stays open and empty.
  auto peer = lab().Spawn(lab::Ns::kHost,
                          {"bash", "-c", absl::StrCat("exec 3<>/dev/tcp/127.0.0.1/", port.host_port(),
                                                      "; echo hi >&3; cat <&3 2>&1; echo over")});
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ((*peer)->ReadLine(absl::Seconds(10)).value_or("nothing"), "hi");

  const absl::StatusOr<uint64_t> closed = client().Unpublish(id, port);
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_GE(*closed, 1u);
  EXPECT_TRUE(CanBind("127.0.0.1", port.host_port()));
  std::string last;
  for (auto line = (*peer)->ReadLine(absl::Seconds(10)); line.ok(); line = (*peer)->ReadLine(absl::Seconds(10))) {
    last = *line;
  }
  EXPECT_EQ(last, "over");
  EXPECT_TRUE(absl::IsNotFound(client().Unpublish(id, port).status()));
}

TEST_F(PortsTest, DeletingTheSandboxFreesThePort) {
  const std::string id = CreateOci("");
  const v1::PortMapping port = Publish(id, "guest_port: 8000");
  ASSERT_TRUE(client().Delete(id).ok());
  EXPECT_TRUE(CanBind("127.0.0.1", port.host_port()));
}

TEST_F(PortsTest, IngressRulesSeeThePeer) {
  const std::string id = CreateServing();
  const v1::PortMapping port = Publish(id, "host_address: '0.0.0.0' guest_port: 8000");
  const std::string url = Url("203.0.112.7", port.host_port());
  SetPolicy(id,
            "preset: PRESET_PUBLIC_ONLY rules { id: 'no-inet' action: ACTION_DENY direction: DIRECTION_INGRESS"
            "                                   peers { cidr: '203.0.112.1' } }");
  EXPECT_EQ(RunIn(lab::Ns::kInet, Curl(url)).out, "");
  const v1::AuditEvent denied = AwaitEvent(id, [](const v1::AuditEvent& e) {
    return e.flow().phase() == v1::FlowEvent::PHASE_DENIED && e.flow().remote().address() == kInetAddress;
  });
  EXPECT_EQ(denied.flow().direction(), v1::DIRECTION_INGRESS);
  EXPECT_EQ(denied.flow().verdict().rule_id(), "no-inet");
  EXPECT_EQ(RunOnHost(Curl(Url("127.0.0.1", port.host_port()))).out, kGateway);

  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(RunIn(lab::Ns::kInet, Curl(url)).out, absl::StrCat(kInetAddress, "\n"));
}

// Prints the answer, or nothing where none comes within `seconds`.
Command UdpAsk(absl::string_view address, uint32_t port, int seconds) {
  return Python(R"(
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(int(sys.argv[3]))
try:
    s.sendto(b'ping', (sys.argv[1], int(sys.argv[2])))
    print(s.recv(64).decode())
except OSError:
    pass
)",
                {std::string(address), absl::StrCat(port), absl::StrCat(seconds)});
}

TEST_F(PortsTest, IngressRulesSeeThePeerInEveryProtocolAndFamily) {
  const std::string id = CreateServing();
  int rules = 0;
  for (const auto& [host, peer] :
       {std::pair("203.0.112.7", "203.0.112.1"), std::pair("2606:2800:300::7", "2606:2800:300::1")}) {
    for (const v1::Protocol protocol : {v1::PROTOCOL_TCP, v1::PROTOCOL_UDP}) {
      SCOPED_TRACE(absl::StrCat(v1::Protocol_Name(protocol), " ", peer));
      const v1::PortMapping port = Publish(
          id, absl::StrCat("protocol: ", v1::Protocol_Name(protocol), " host_address: '", host, "' guest_port: 8000"));
      const auto ask = [&](int seconds) {
        return protocol == v1::PROTOCOL_TCP ? Curl(Url(host, port.host_port()), seconds)
                                            : UdpAsk(host, port.host_port(), seconds);
      };
      const std::string rule = absl::StrCat("no-", ++rules);
      SetPolicy(id, absl::StrCat("preset: PRESET_PUBLIC_ONLY rules { id: '", rule,
                                 "' action: ACTION_DENY direction: DIRECTION_INGRESS peers { cidr: '", peer,
                                 "' } protocols: ", v1::Protocol_Name(protocol), " ports { first: 8000 } }"));
      EXPECT_EQ(RunIn(lab::Ns::kInet, ask(1)).out, "");
      const v1::AuditEvent denied = AwaitEvent(
          id, [&](const v1::AuditEvent& e) { return e.flow().verdict().rule_id() == rule; });
      EXPECT_EQ(denied.flow().direction(), v1::DIRECTION_INGRESS);
      EXPECT_EQ(denied.flow().phase(), v1::FlowEvent::PHASE_DENIED);
      EXPECT_EQ(denied.flow().remote().address(), peer);
      EXPECT_EQ(denied.flow().guest().port(), 8000u);
      // The twins: another peer's rule, and none.
      SetPolicy(id, absl::StrCat("preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY direction: DIRECTION_INGRESS"
                                 " peers { cidr: '203.0.112.2' } peers { cidr: '2606:2800:300::2' } }"));
      EXPECT_EQ(RunIn(lab::Ns::kInet, ask(20)).out, absl::StrCat(peer, "\n"));
    }
  }
}

TEST_F(PortsTest, UnderNoneAPortIsClosedAndKeptForLater) {
  const std::string id = CreateServing();
  const v1::PortMapping port = Publish(id, "guest_port: 8000");
  EXPECT_EQ(RunOnHost(Curl(Url("127.0.0.1", port.host_port()))).out, kGateway);
  SetPolicy(id, "preset: PRESET_NONE");
  EXPECT_EQ(RunOnHost(Curl(Url("127.0.0.1", port.host_port()))).exit_code, kCurlCannotConnect);
  SetPolicy(id, "preset: PRESET_PUBLIC_ONLY");
  EXPECT_EQ(RunOnHost(Curl(Url("127.0.0.1", port.host_port()))).out, kGateway);
}

TEST_F(PortsTest, TwoHundredPeersAtOnceAreAllServed) {
  const v1::PortMapping port = Publish(CreateServing(), "guest_port: 8000");
  const lab::CommandResult served = RunOnHost(Python(R"(
import socket, sys
peers = [socket.socket() for _ in range(200)]
for peer in peers:
    peer.setblocking(False)
    peer.connect_ex(('127.0.0.1', int(sys.argv[1])))
for peer in peers:  # all of them: the server takes them in an order of its own
    peer.settimeout(20)
    peer.sendall(b'GET / HTTP/1.0\r\n\r\n')
served = 0
for peer in peers:
    served += b'10.0.2.2' in b''.join(iter(lambda: peer.recv(4096), b''))
print(served)
)",
                                                     {absl::StrCat(port.host_port())}));
  EXPECT_EQ(served.out, "200\n") << served.err;
}

TEST_F(PortsTest, APrivilegedPortWorks) {
  const std::string id = CreateServing();
  Publish(id, "host_port: 443 guest_port: 8000");
  EXPECT_EQ(RunOnHost(Curl(Url("127.0.0.1", 443))).out, kGateway);
}

}  // namespace
}  // namespace sluice::e2e
