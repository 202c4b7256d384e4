#include "server/access/peer_user.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

absl::Status Nobody() { return absl::PermissionDeniedError("the far end is nobody's on this host"); }

absl::StatusOr<uid_t> UnixPeer(int fd) {
  ucred peer;
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return ErrnoError(errno, "SO_PEERCRED");
  if (peer.uid == static_cast<uid_t>(-1)) return Nobody();
  return peer.uid;
}

// One question to the kernel: the socket whose own end is `own`.
struct Question {
  nlmsghdr header;
  inet_diag_req_v2 request;
};

void PutAddress(const sockaddr_storage& storage, __be16& port, __be32 (&address)[4]) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &storage, sizeof(in));
    port = in.sin_port;
    address[0] = in.sin_addr.s_addr;
  } else {
    sockaddr_in6 in6;
    std::memcpy(&in6, &storage, sizeof(in6));
    port = in6.sin6_port;
    std::memcpy(address, &in6.sin6_addr, sizeof(in6.sin6_addr));
  }
}

Question MakeQuestion(const sockaddr_storage& own, const sockaddr_storage& other) {
  Question question = {};
  question.header.nlmsg_len = sizeof(question);
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.request.sdiag_family = static_cast<uint8_t>(own.ss_family);
  question.request.sdiag_protocol = IPPROTO_TCP;
  question.request.idiag_states = 1u << TCP_ESTABLISHED;
  PutAddress(own, question.request.id.idiag_sport, question.request.id.idiag_src);
  PutAddress(other, question.request.id.idiag_dport, question.request.id.idiag_dst);
  question.request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  question.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return question;
}

absl::StatusOr<inet_diag_msg> Ask(const Question& question) {
  const UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink.valid()) return ErrnoError(errno, "sock_diag");
  if (send(netlink.get(), &question, sizeof(question), 0) != sizeof(question)) return ErrnoError(errno, "sock_diag");
  alignas(nlmsghdr) char buffer[4096];
  const ssize_t size = recv(netlink.get(), buffer, sizeof(buffer), 0);
  if (size < 0) return ErrnoError(errno, "sock_diag");
  nlmsghdr header;
  inet_diag_msg answer;
  if (static_cast<size_t>(size) < NLMSG_HDRLEN + sizeof(answer)) return Nobody();
  std::memcpy(&header, buffer, sizeof(header));
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return Nobody();
  std::memcpy(&answer, buffer + NLMSG_HDRLEN, sizeof(answer));
  return answer;
}

absl::StatusOr<uid_t> LoopbackPeer(int fd) {
  sockaddr_storage here = {}, there = {};
  socklen_t here_size = sizeof(here), there_size = sizeof(there);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&here), &here_size) != 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&there), &there_size) != 0) {
    return ErrnoError(errno, "the connection's addresses");
  }
  const absl::StatusOr<inet_diag_msg> answer = Ask(MakeQuestion(there, here));
  if (!answer.ok()) return answer.status();
  // A socket that no process holds has no inode, and user 0.
  if (answer->idiag_state != TCP_ESTABLISHED || answer->idiag_inode == 0) return Nobody();
  // A connection that was reset ahead of the question may have left its addresses to
  // another's, and what it sent to be read. One that stands had them all the time.
  there_size = sizeof(there);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&there), &there_size) != 0) return Nobody();
  return answer->idiag_uid;
}

}  // namespace

absl::StatusOr<uid_t> PeerUser(int fd) {
  int domain = 0;
  socklen_t size = sizeof(domain);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return ErrnoError(errno, "SO_DOMAIN");
  return domain == AF_UNIX ? UnixPeer(fd) : LoopbackPeer(fd);
}

}  // namespace sluice
