#include "server/guest/datagram_peers.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "absl/time/time.h"
#include "netsvc/base/io.h"
#include "netsvc/base/pass_descriptor.h"
#include "server/base/process_note.h"
#include "server/guest/file_identity.h"

namespace sluice {
namespace {

// How soon it is seen that a peer has closed its socket, but lives on.
constexpr absl::Duration kCheckInterval = absl::Seconds(1);

struct Sender {
  sockaddr_un address = {};
  socklen_t address_size = 0;
  ucred credentials = {};

  bool named() const { return address_size > sizeof(sa_family_t); }
};

// Who sent the first datagram that waits; it goes on waiting.
std::optional<Sender> PeekSender(const UniqueFd& socket) {
  Sender sender;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
  char byte;
  iovec data = {.iov_base = &byte, .iov_len = sizeof(byte)};
  msghdr message = {};
  message.msg_name = &sender.address;
  message.msg_namelen = sizeof(sender.address);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(socket.get(), &message, MSG_PEEK | MSG_DONTWAIT) < 0) return std::nullopt;
  sender.address_size = message.msg_namelen;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_CREDENTIALS) return std::nullopt;
  memcpy(&sender.credentials, CMSG_DATA(header), sizeof(ucred));
  return sender;
}

void DropDatagram(const UniqueFd& socket) {
  char byte;
  recv(socket.get(), &byte, sizeof(byte), MSG_DONTWAIT);
}

absl::Status Connect(const UniqueFd& socket, const Sender& sender) {
  if (!sender.named()) return absl::InvalidArgumentError("it has no address to be answered at");
  const FileIdentity identity({.uid = sender.credentials.uid, .gid = sender.credentials.gid});
  if (!identity.status().ok()) return identity.status();
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&sender.address), sender.address_size) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(errno, "connect to it");
}

void Disconnect(const UniqueFd& socket) {
  const sockaddr nobody = {.sa_family = AF_UNSPEC, .sa_data = {}};
  connect(socket.get(), &nobody, sizeof(nobody));
}

bool IsConnected(const UniqueFd& socket) {
  sockaddr_un address;
  socklen_t size = sizeof(address);
  return getpeername(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
}

}  // namespace

// On the I/O thread, but for construction.
class DatagramPeers::State {
 public:
  State(IoThread& io, UniqueFd socket, std::string note)
      : io_(io), socket_(std::move(socket)), note_(std::move(note)) {}

  void Start() {
    if (!IsConnected(socket_)) return AwaitPeer();
    absl::StatusOr<NotedProcess> peer = ReadProcessNote(note_);
    if (!peer.ok()) return AwaitPeer();
    Follow(std::move(peer->pidfd));
  }

  void AwaitPeer() {
    process_watch_ = nullptr;
    process_.reset();
    check_ = nullptr;
    unlink(note_.c_str());
    Disconnect(socket_);
    socket_watch_ = io_.loop().Watch(socket_.get(), EPOLLIN, [this](uint32_t) { OnDatagram(); });
  }

  void SetFeed(UniqueFd feed) {
    feed_ = std::move(feed);
    if (IsConnected(socket_)) PassOn();
  }

  void End(bool leave) {
    for (auto* handle : {&socket_watch_, &process_watch_, &check_}) handle->reset();
    if (!leave) Disconnect(socket_);
    feed_.reset();
  }

 private:
  // A feed that is full misses nothing: what waits in it says the same.
  void PassOn() { PassDescriptor(feed_, socket_).IgnoreError(); }

  void OnDatagram() {
    const std::optional<Sender> sender = PeekSender(socket_);
    const absl::Status status = sender ? Connect(socket_, *sender) : absl::InvalidArgumentError("it is not known");
    if (!status.ok()) {
      if (!std::exchange(complained_, true)) spdlog::warn("a VMM is not heard: {}", std::string(status.message()));
      return DropDatagram(socket_);
    }
    complained_ = false;
    socket_watch_ = nullptr;
    PassOn();
    // It may be in a process namespace of its own; then it has no number here.
    const pid_t pid = sender->credentials.pid;
    UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (process.valid()) WriteProcessNote(note_, pid).IgnoreError();  // for a later server, which may do without
    Follow(std::move(process));
  }

  // Until the peer, of the process behind `pidfd` where that is known, has gone.
  void Follow(UniqueFd pidfd) {
    process_ = std::move(pidfd);
    if (process_.valid()) {
      process_watch_ = io_.loop().Watch(process_.get(), EPOLLIN, [this](uint32_t) { AwaitPeer(); });
    }
    Check();
  }

  void Check() {
    if (!IsConnected(socket_)) return AwaitPeer();
    check_ = io_.loop().RunAfter(kCheckInterval, [this] { Check(); });
  }

  IoThread& io_;
  const UniqueFd socket_;
  const std::string note_;
  UniqueFd feed_;     // none: no worker yet
  UniqueFd process_;  // the peer's, a pidfd
  bool complained_ = false;
  std::unique_ptr<EventLoop::Handle> socket_watch_;
  std::unique_ptr<EventLoop::Handle> process_watch_;
  std::unique_ptr<EventLoop::Handle> check_;
};

absl::StatusOr<std::unique_ptr<DatagramPeers>> DatagramPeers::Start(IoThread& io, UniqueFd socket,
                                                                    const std::string& note) {
  const int on = 1;
  if (setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) return ErrnoError(errno, "SO_PASSCRED");
  auto state = std::make_shared<State>(io, std::move(socket), note);
  io.Post([state] { state->Start(); });
  return std::unique_ptr<DatagramPeers>(new DatagramPeers(io, std::move(state)));
}

DatagramPeers::~DatagramPeers() {
  // The last reference goes on the I/O thread.
  io_.Post([state = std::move(state_), leave = left_] { state->End(leave); });
}

absl::StatusOr<UniqueFd> DatagramPeers::NewFeed() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoError(errno, "socketpair");
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  io_.Post([state = state_, feed = std::make_shared<UniqueFd>(std::move(ours))] { state->SetFeed(std::move(*feed)); });
  return theirs;
}

}  // namespace sluice
