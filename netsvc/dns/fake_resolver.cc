#include "netsvc/dns/fake_resolver.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "netsvc/base/big_endian.h"

namespace sluice::dns {
namespace {

UniqueFd Bound(int type, const Endpoint& endpoint) {
  UniqueFd socket_fd(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t size = endpoint.ToSockaddr(address);
  if (bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) socket_fd.reset();
  return socket_fd;
}

uint16_t LocalPort(const UniqueFd& socket_fd) {
  sockaddr_storage address;
  socklen_t size = sizeof(address);
  getsockname(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return Endpoint::FromSockaddr(reinterpret_cast<const sockaddr*>(&address))->port;
}

}  // namespace

FakeResolver::FakeResolver(EventLoop& loop, Script script) : loop_(loop), script_(std::move(script)) {
  endpoint_.address = *IpAddress::Parse("127.0.0.1");
  // A port that is free for both; the kernel's choice for one may be taken for
  // the other.
  for (int i = 0; i < 100 && !listener_.valid(); ++i) {
    endpoint_.port = 0;
    udp_ = Bound(SOCK_DGRAM, endpoint_);
    endpoint_.port = LocalPort(udp_);
    listener_ = Bound(SOCK_STREAM, endpoint_);
  }
  EXPECT_EQ(listen(listener_.get(), 16), 0);
  udp_watch_ = loop_.Watch(udp_.get(), EPOLLIN, [this](uint32_t) { OnUdp(); });
  listener_watch_ = loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { OnAccept(); });
}

FakeResolver::~FakeResolver() = default;

void FakeResolver::Drip(size_t bytes, absl::Duration every) {
  drip_bytes_ = bytes;
  drip_interval_ = every;
}

std::vector<Bytes> FakeResolver::Answers(std::span<const uint8_t> query, bool tcp) {
  ++(tcp ? tcp_queries_ : udp_queries_);
  last_query_.assign(query.begin(), query.end());
  ids_.insert(Load16(query.data()));
  return script_(query, tcp);
}

void FakeResolver::OnUdp() {
  Bytes query(kMaxMessageSize);
  sockaddr_storage peer;
  socklen_t peer_size = sizeof(peer);
  sockaddr* const peer_address = reinterpret_cast<sockaddr*>(&peer);
  const ssize_t size = recvfrom(udp_.get(), query.data(), query.size(), 0, peer_address, &peer_size);
  if (size <= 0) return;
  source_ports_.insert(Endpoint::FromSockaddr(peer_address)->port);
  for (const Bytes& answer : Answers(std::span(query).first(static_cast<size_t>(size)), /*tcp=*/false)) {
    sendto(udp_.get(), answer.data(), answer.size(), 0, peer_address, peer_size);
  }
}

void FakeResolver::OnAccept() {
  UniqueFd accepted(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.valid()) return;
  Connection& connection = connections_[accepted.get()];
  connection.socket = std::move(accepted);
  connection.watch =
      loop_.Watch(connection.socket.get(), EPOLLIN, [this, &connection](uint32_t) { OnTcp(connection); });
}

void FakeResolver::OnTcp(Connection& connection) {
  uint8_t buffer[4096];
  const ssize_t size = recv(connection.socket.get(), buffer, sizeof(buffer), 0);
  if (size <= 0) {
    connection.watch.reset();
    connections_.erase(connection.socket.get());
    return;
  }
  Bytes& received = connection.received;
  received.insert(received.end(), buffer, buffer + size);
  while (received.size() >= 2 && received.size() - 2 >= Load16(received.data())) {
    const size_t length = Load16(received.data());
    for (const Bytes& answer : Answers(std::span(received).subspan(2, length), /*tcp=*/true)) {
      connection.unsent.push_back(static_cast<uint8_t>(answer.size() >> 8));
      connection.unsent.push_back(static_cast<uint8_t>(answer.size()));
      connection.unsent.insert(connection.unsent.end(), answer.begin(), answer.end());
    }
    received.erase(received.begin(), received.begin() + 2 + static_cast<ptrdiff_t>(length));
  }
  if (connection.drip == nullptr) Send(connection);
}

void FakeResolver::Send(Connection& connection) {
  Bytes& unsent = connection.unsent;
  const size_t size = drip_bytes_ == 0 ? unsent.size() : std::min(drip_bytes_, unsent.size());
  send(connection.socket.get(), unsent.data(), size, MSG_NOSIGNAL);
  unsent.erase(unsent.begin(), unsent.begin() + static_cast<ptrdiff_t>(size));
  connection.drip.reset();
  if (unsent.empty()) return;
  connection.drip = loop_.RunAfter(drip_interval_, [this, &connection] { Send(connection); });
}

Bytes Fitting(std::span<const uint8_t> query, Bytes answer) {
  Store16(answer.data(), Load16(query.data()));
  return answer;
}

}  // namespace sluice::dns
