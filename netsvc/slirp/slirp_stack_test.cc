#include "netsvc/slirp/slirp_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "netsvc/loop/epoll_loop.h"
#include "netsvc/packet/builder.h"
#include "netsvc/packet/packet.h"

namespace sluice {
namespace {

using packet::kAck;
using packet::kSyn;
using packet::Packet;

const MacAddress kGuestMac = *MacAddress::Parse("02:73:6c:00:00:0f");
const MacAddress kGatewayMac = *MacAddress::Parse("52:55:0a:00:02:02");
const IpAddress kGuest = *IpAddress::Parse("10.0.2.15");
const IpAddress kGuest6 = *IpAddress::Parse("fd73:6c75:6963:1::f");
const Endpoint kPublished = *Endpoint::Parse("10.0.2.6:1");

Endpoint LocalOf(int socket) {
  sockaddr_storage address;
  socklen_t size = sizeof(address);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return *Endpoint::FromSockaddr(reinterpret_cast<sockaddr*>(&address));
}

// A socket of the host's, bound to a free port of its loopback address.
UniqueFd LoopbackSocket(int family, int type) {
  UniqueFd socket(::socket(family, type | SOCK_CLOEXEC, 0));
  const IpAddress loopback = *IpAddress::Parse(family == AF_INET ? "127.0.0.1" : "::1");
  sockaddr_storage address;
  const socklen_t size = Endpoint{loopback, 0}.ToSockaddr(address);
  EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  if (type == SOCK_STREAM) listen(socket.get(), 16);
  return socket;
}

UniqueFd ConnectTo(const Endpoint& endpoint) {
  UniqueFd socket(::socket(endpoint.address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t size = endpoint.ToSockaddr(address);
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) < 0) return UniqueFd();
  return socket;
}

// The real libslirp, a guest played by the test, and real sockets on loopback.
class SlirpStackTest : public testing::Test, private HostStack::Delegate {
 protected:
  SlirpStackTest() : directory_(testing::TempDir() + "/slirpXXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    directory_fd_.reset(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    service_path_ = "/proc/self/fd/" + std::to_string(directory_fd_.get()) + "/service";
    loop_ = *EpollLoop::Create();
    stack_ = *SlirpStack::Create(
        *loop_, {.ipv4_subnet = *IpPrefix::Parse("10.0.2.0/24"),
                 .ipv4_gateway = *IpAddress::Parse("10.0.2.2"),
                 .ipv4_dns = *IpAddress::Parse("10.0.2.3"),
                 .ipv4_guest = kGuest,
                 .ipv6_subnet = *IpPrefix::Parse("fd73:6c75:6963:1::/64"),
                 .ipv6_gateway = *IpAddress::Parse("fd73:6c75:6963:1::2"),
                 .ipv6_dns = *IpAddress::Parse("fd73:6c75:6963:1::3"),
                 .local_service = *Endpoint::Parse("10.0.2.4:53"),
                 .local_service_path = service_path_});
    stack_->SetDelegate(this);
    // As guests do when their interface comes up: libslirp knows where they are.
    for (const IpAddress& address : {kGuest, kPublished.address}) {
      std::array<uint8_t, 64> frame;
      const size_t size = packet::BuildGratuitousArp(kGuestMac, address, frame);
      stack_->Input(std::span(frame).first(size));
    }
  }

  packet::Addressing ToRemote(const Endpoint& guest, const Endpoint& remote) const {
    return {kGuestMac, kGatewayMac, guest, remote};
  }
  int SendTcp(const Endpoint& guest, const Endpoint& remote, const packet::TcpControl& control) {
    std::array<uint8_t, 128> frame;
    const size_t size = packet::BuildTcpControl(ToRemote(guest, remote), control, frame);
    return stack_->Input(std::span(frame).first(size));
  }

  // Turns the loop until `done`; fails after five seconds.
  bool Await(const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(5);
    while (!done()) {
      if (absl::Now() > deadline) return false;
      loop_->RunOnce(absl::Milliseconds(10));
    }
    return true;
  }
  bool AwaitFrames(size_t count) {
    return Await([&] { return frames_.size() >= count; });
  }
  Packet Frame(size_t index) {
    Packet packet;
    packet::Parse(frames_[index], packet);
    return packet;
  }

  std::string directory_;
  UniqueFd directory_fd_;
  std::string service_path_;
  std::unique_ptr<EpollLoop> loop_;
  std::unique_ptr<SlirpStack> stack_;
  std::vector<std::vector<uint8_t>> frames_;  // IP alone
  std::vector<int> accepted_;
  std::vector<int> closed_;

 private:
  void OnFrame(std::span<uint8_t> frame) override {
    Packet packet;
    const bool ip = packet::Parse(frame, packet) == packet::ParseError::kNone && packet.ether_type != 0x0806 &&
                    packet.protocol != packet::kIcmpv6;
    if (ip) frames_.emplace_back(frame.begin(), frame.end());
  }
  void OnAccepted(int socket) override { accepted_.push_back(socket); }
  void OnSocketClosed(int socket) override { closed_.push_back(socket); }
  void OnTurnEnd() override {}
};

TEST_F(SlirpStackTest, ADatagramReachesTheHostAndItsAnswerTheGuest) {
  const UniqueFd host = LoopbackSocket(AF_INET, SOCK_DGRAM);
  const Endpoint remote = LocalOf(host.get());
  const std::array<uint8_t, 3> payload = {'a', 'b', 'c'};
  std::array<uint8_t, 128> frame;
  const size_t size = packet::BuildUdp(ToRemote({kGuest, 4000}, remote), payload, frame);
  EXPECT_GE(stack_->Input(std::span(frame).first(size)), 0);
  std::array<char, 16> got;
  sockaddr_storage peer;
  socklen_t peer_size = sizeof(peer);
  ASSERT_EQ(recvfrom(host.get(), got.data(), got.size(), 0, reinterpret_cast<sockaddr*>(&peer), &peer_size), 3);
  EXPECT_EQ(memcmp(got.data(), "abc", 3), 0);
  ASSERT_EQ(sendto(host.get(), "xy", 2, 0, reinterpret_cast<sockaddr*>(&peer), peer_size), 2);
  ASSERT_TRUE(AwaitFrames(1));
  EXPECT_EQ(Frame(0).source_endpoint(), remote);
  EXPECT_EQ(Frame(0).destination_endpoint(), (Endpoint{kGuest, 4000}));
  EXPECT_EQ(Frame(0).payload().size(), 2u);
}

TEST_F(SlirpStackTest, ASynIsAnsweredOnceTheHostHasConnectedAndAnAbortResetsTheFarSide) {
  const UniqueFd listener = LoopbackSocket(AF_INET, SOCK_STREAM);
  const Endpoint remote = LocalOf(listener.get());
  const int socket = SendTcp({kGuest, 4000}, remote, {.sequence = 100, .flags = kSyn});
  ASSERT_GE(socket, 0);
  ASSERT_TRUE(AwaitFrames(1));
  EXPECT_EQ(Frame(0).tcp_flags, kSyn | kAck);
  EXPECT_EQ(Frame(0).acknowledgment, 101u);
  SendTcp({kGuest, 4000}, remote, {.sequence = 101, .acknowledgment = Frame(0).sequence + 1, .flags = kAck});
  const UniqueFd far(accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(far.valid());
  stack_->Abort(socket);
  char byte;
  EXPECT_EQ(recv(far.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  // libslirp finds its end dead and closes it.
  EXPECT_TRUE(Await([&] { return std::count(closed_.begin(), closed_.end(), socket) == 1; }));
}

TEST_F(SlirpStackTest, ARefusedConnectIsRefusedToTheGuest) {
  Endpoint nobody;
  {
    const UniqueFd taken = LoopbackSocket(AF_INET, SOCK_STREAM);
    nobody = LocalOf(taken.get());
  }
  SendTcp({kGuest, 4000}, nobody, {.sequence = 100, .flags = kSyn});
  ASSERT_TRUE(AwaitFrames(1));
  EXPECT_TRUE(Frame(0).tcp_flags & packet::kRst);
}

TEST_F(SlirpStackTest, AListenerOfOursBringsItsPeersToTheGuestUntilItIsRemoved) {
  UniqueFd listener = LoopbackSocket(AF_INET, SOCK_STREAM);
  const Endpoint host = LocalOf(listener.get());
  ASSERT_TRUE(stack_->AddListener(false, std::move(listener), kPublished).ok());
  const UniqueFd peer = ConnectTo(host);
  ASSERT_TRUE(peer.valid());
  ASSERT_TRUE(AwaitFrames(1));
  EXPECT_EQ(Frame(0).tcp_flags, kSyn);
  EXPECT_EQ(Frame(0).destination_endpoint(), kPublished);
  EXPECT_EQ(Frame(0).source_endpoint(), (Endpoint{*IpAddress::Parse("10.0.2.2"), LocalOf(peer.get()).port}));
  EXPECT_EQ(accepted_.size(), 1u);

  ASSERT_TRUE(stack_->RemoveListener(false, kPublished).ok());
  EXPECT_FALSE(ConnectTo(host).valid());
  EXPECT_TRUE(absl::IsNotFound(stack_->RemoveListener(false, kPublished)));
}

TEST_F(SlirpStackTest, ListenersOfEachKindStandSideBySide) {
  UniqueFd udp4 = LoopbackSocket(AF_INET, SOCK_DGRAM);
  UniqueFd tcp6 = LoopbackSocket(AF_INET6, SOCK_STREAM);
  const Endpoint udp4_host = LocalOf(udp4.get());
  const Endpoint tcp6_host = LocalOf(tcp6.get());
  const Endpoint guest6 = *Endpoint::Parse("[fd73:6c75:6963:1::6]:2");
  ASSERT_TRUE(stack_->AddListener(true, std::move(udp4), kPublished).ok());
  ASSERT_TRUE(stack_->AddListener(false, std::move(tcp6), guest6).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(stack_->AddListener(true, UniqueFd(), kPublished)));

  const UniqueFd peer = LoopbackSocket(AF_INET, SOCK_DGRAM);
  sockaddr_storage address;
  const socklen_t size = udp4_host.ToSockaddr(address);
  ASSERT_EQ(sendto(peer.get(), "q", 1, 0, reinterpret_cast<sockaddr*>(&address), size), 1);
  ASSERT_TRUE(AwaitFrames(1));
  EXPECT_EQ(Frame(0).destination_endpoint(), kPublished);
  EXPECT_TRUE(ConnectTo(tcp6_host).valid());
  EXPECT_TRUE(Await([&] { return accepted_.size() == 1; }));
}

TEST_F(SlirpStackTest, TheLocalServiceIsReachedOverTheUnixSocket) {
  UniqueFd service(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  memcpy(address.sun_path, service_path_.data(), service_path_.size());
  ASSERT_EQ(bind(service.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(service.get(), 4), 0);
  const Endpoint remote = *Endpoint::Parse("10.0.2.4:53");
  EXPECT_EQ(SendTcp({kGuest, 4000}, remote, {.sequence = 100, .flags = kSyn}), -1);
  ASSERT_TRUE(AwaitFrames(1));
  const packet::TcpControl ack{.sequence = 101, .acknowledgment = Frame(0).sequence + 1, .flags = kAck};
  EXPECT_GE(SendTcp({kGuest, 4000}, remote, ack), 0);
  EXPECT_TRUE(UniqueFd(accept(service.get(), nullptr, nullptr)).valid());
}

TEST_F(SlirpStackTest, TheGatewaysAliasDoesNotLeadToTheHostsLoopback) {
  const UniqueFd listener = LoopbackSocket(AF_INET, SOCK_STREAM);
  const UniqueFd listener6 = LoopbackSocket(AF_INET6, SOCK_STREAM);
  fcntl(listener.get(), F_SETFL, O_NONBLOCK);
  fcntl(listener6.get(), F_SETFL, O_NONBLOCK);
  const uint16_t port = LocalOf(listener.get()).port;
  const uint16_t port6 = LocalOf(listener6.get()).port;
  for (const char* alias : {"10.0.2.2", "10.0.2.3", "255.255.255.255"}) {
    SendTcp({kGuest, 4000}, {*IpAddress::Parse(alias), port}, {.sequence = 100, .flags = kSyn});
  }
  for (const char* alias : {"fd73:6c75:6963:1::2", "fd73:6c75:6963:1::3", "fd73:6c75:6963:1::99"}) {
    SendTcp({kGuest6, 4000}, {*IpAddress::Parse(alias), port6}, {.sequence = 100, .flags = kSyn});
  }
  // The twin: without the alias the same connection comes through, and last.
  SendTcp({kGuest, 4001}, {*IpAddress::Parse("127.0.0.1"), port}, {.sequence = 100, .flags = kSyn});
  EXPECT_TRUE(Await([&] { return UniqueFd(accept(listener.get(), nullptr, nullptr)).valid(); }));
  EXPECT_FALSE(UniqueFd(accept(listener.get(), nullptr, nullptr)).valid());
  EXPECT_FALSE(UniqueFd(accept(listener6.get(), nullptr, nullptr)).valid());
}

}  // namespace
}  // namespace sluice
