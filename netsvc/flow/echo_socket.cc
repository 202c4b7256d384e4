#include "netsvc/flow/echo_socket.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "netsvc/base/big_endian.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/io.h"

namespace sluice::flow {
namespace {

constexpr size_t kHeaderSize = 8;  // type, code, checksum, identifier, sequence
constexpr size_t kMaxMessage = 65535;
// One wake-up's worth; the rest is found by the next.
constexpr int kMaxReadsAtOnce = 16;

absl::Status OpenError(int error) {
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError("the host has ping sockets switched off (net.ipv4.ping_group_range)");
  }
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
    return absl::ResourceExhaustedError("there is no ping socket to spare");
  }
  return absl::UnavailableError(ErrnoError(error, "ping socket").message());
}

}  // namespace

absl::StatusOr<std::unique_ptr<EchoSocket>> EchoSocket::Open(EventLoop& loop, const IpAddress& remote,
                                                             Delegate& delegate) {
  const bool ipv6 = remote.is_v6();
  UniqueFd socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                           ipv6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP)));
  if (!socket.valid()) return OpenError(errno);
  const int on = 1;
  setsockopt(socket.get(), ipv6 ? static_cast<int>(SOL_IPV6) : static_cast<int>(SOL_IP),
             ipv6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on));
  sockaddr_storage address;
  const socklen_t size = Endpoint{remote, 0}.ToSockaddr(address);
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) < 0) return OpenError(errno);
  return std::unique_ptr<EchoSocket>(new EchoSocket(loop, std::move(socket), ipv6, delegate));
}

EchoSocket::EchoSocket(EventLoop& loop, UniqueFd socket, bool ipv6, Delegate& delegate)
    : socket_(std::move(socket)), ipv6_(ipv6), delegate_(delegate) {
  watch_ = loop.Watch(socket_.get(), EPOLLIN, [this](uint32_t) { OnReady(); });
}

void EchoSocket::Send(uint16_t sequence, std::span<const uint8_t> payload) {
  // The kernel sets the identifier and the checksum.
  std::array<uint8_t, kHeaderSize> header = {};
  header[0] = ipv6_ ? uint8_t{ICMP6_ECHO_REQUEST} : uint8_t{ICMP_ECHO};
  Store16(&header[6], sequence);
  iovec parts[] = {{header.data(), header.size()}, {const_cast<uint8_t*>(payload.data()), payload.size()}};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  // An earlier request's error is told by whichever call comes first; that call
  // has not sent anything, so it is made once more.
  if (sendmsg(socket_.get(), &message, 0) < 0 && errno != EAGAIN) sendmsg(socket_.get(), &message, 0);
}

void EchoSocket::OnReady() {
  for (int i = 0; i < kMaxReadsAtOnce; ++i) {
    if (!ReadError() && !ReadReply()) return;
  }
}

bool EchoSocket::ReadReply() {
  static thread_local std::vector<uint8_t> buffer(kMaxMessage);
  const ssize_t n = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (n < static_cast<ssize_t>(kHeaderSize)) return false;
  const auto message = std::span(buffer).first(static_cast<size_t>(n));
  delegate_.OnEchoReply(Load16(&message[6]), message.subspan(kHeaderSize));
  return true;
}

bool EchoSocket::ReadError() {
  std::array<uint8_t, 64> request = {};  // what was sent: its header says which
  std::array<uint8_t, 512> control;
  iovec part = {request.data(), request.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t n = recvmsg(socket_.get(), &message, MSG_ERRQUEUE);
  if (n < 0) return false;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    const bool ours = (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
                      (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR);
    if (!ours || n < static_cast<ssize_t>(kHeaderSize)) continue;
    auto* error = reinterpret_cast<sock_extended_err*>(CMSG_DATA(c));
    if (error->ee_origin != SO_EE_ORIGIN_ICMP && error->ee_origin != SO_EE_ORIGIN_ICMP6) continue;
    const std::optional<IpAddress> offender = IpAddress::FromSockaddr(SO_EE_OFFENDER(error));
    if (!offender) continue;
    delegate_.OnEchoError(*offender, error->ee_type, error->ee_code, error->ee_info, Load16(&request[6]));
  }
  return true;
}

}  // namespace sluice::flow
