#include "server/guest/socket_guest.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr mode_t kPrivate = 0700;

std::string Directory(const std::string& state_dir, const GuestIdentity& identity) {
  return absl::StrCat(state_dir, "/sandboxes/", identity.sandbox_uid);
}

std::string PeerNote(const std::string& state_dir, const GuestIdentity& identity) {
  return absl::StrCat(Directory(state_dir, identity), "/vmm.pid");
}

absl::StatusOr<std::string> ChoosePath(const std::string& state_dir, const GuestIdentity& identity) {
  const std::string path = absl::StrCat(Directory(state_dir, identity), "/guest.sock");
  if (path.size() < sizeof(sockaddr_un::sun_path)) return path;
  if (mkdir(SocketGuest::kShortDirectory, kPrivate) != 0 && errno != EEXIST) {
    return ErrnoError(errno, SocketGuest::kShortDirectory);
  }
  return absl::StrCat(SocketGuest::kShortDirectory, "/", identity.sandbox_uid, ".sock");
}

}  // namespace

absl::StatusOr<std::unique_ptr<SocketGuest>> SocketGuest::Create(const v1::SocketGuest& spec,
                                                                 const std::string& state_dir,
                                                                 const GuestIdentity& identity, IoThread& io) {
  const absl::StatusOr<std::string> path = spec.path().empty() ? ChoosePath(state_dir, identity) : spec.path();
  if (!path.ok()) return path.status();
  const bool datagrams = spec.framing() == v1::SocketGuest::FRAMING_DATAGRAM;
  absl::StatusOr<std::unique_ptr<NamedSocket>> socket = NamedSocket::Make(datagrams ? SOCK_DGRAM : SOCK_STREAM, *path);
  if (absl::IsInvalidArgument(socket.status())) return FieldError("socket.path", socket.status().message());
  if (!socket.ok()) return socket.status();
  return Serve(spec, *std::move(socket), PeerNote(state_dir, identity), io);
}

absl::StatusOr<std::unique_ptr<SocketGuest>> SocketGuest::Serve(const v1::SocketGuest& spec,
                                                                std::unique_ptr<NamedSocket> socket,
                                                                const std::string& note, IoThread& io) {
  std::unique_ptr<DatagramPeers> peers;  // none of a stream
  if (spec.framing() == v1::SocketGuest::FRAMING_DATAGRAM) {
    absl::StatusOr<UniqueFd> copy = socket->Duplicate();
    if (!copy.ok()) return copy.status();
    absl::StatusOr<std::unique_ptr<DatagramPeers>> started = DatagramPeers::Start(io, *std::move(copy), note);
    if (!started.ok()) return started.status();
    peers = *std::move(started);
  }
  return std::unique_ptr<SocketGuest>(new SocketGuest(std::move(socket), std::move(peers)));
}

absl::StatusOr<std::unique_ptr<SocketGuest>> SocketGuest::Adopt(const v1::SocketGuest& spec,
                                                                const std::string& state_dir,
                                                                const GuestIdentity& identity, IoThread& io,
                                                                UniqueFd socket) {
  if (!socket.valid()) return Create(spec, state_dir, identity, io);
  const absl::StatusOr<std::string> path = spec.path().empty() ? ChoosePath(state_dir, identity) : spec.path();
  if (!path.ok()) return path.status();
  absl::StatusOr<std::unique_ptr<NamedSocket>> named = NamedSocket::Adopt(*path, std::move(socket));
  if (!named.ok()) return named.status();
  return Serve(spec, *std::move(named), PeerNote(state_dir, identity), io);
}

void SocketGuest::Leave() {
  const MutexLock lock(mutex_);
  if (socket_ != nullptr) socket_->Leave();
  if (peers_ != nullptr) peers_->Leave();
  peers_.reset();
}

absl::StatusOr<UniqueFd> SocketGuest::AttachLink(const LinkConfig&) { return LinkDescriptor(); }

absl::StatusOr<UniqueFd> SocketGuest::LinkDescriptor() {
  const MutexLock lock(mutex_);
  if (socket_ == nullptr) return absl::FailedPreconditionError("the guest has ended");
  return peers_ != nullptr ? peers_->NewFeed() : socket_->Duplicate();
}

absl::Status SocketGuest::DetachLink() { return absl::OkStatus(); }

absl::Status SocketGuest::Start(std::function<void(ProcessExit)>) { return absl::OkStatus(); }

absl::StatusOr<std::unique_ptr<GuestProcess>> SocketGuest::Exec(const ExecOptions&) {
  return absl::FailedPreconditionError("someone else runs this guest: the server cannot run programs in it");
}

absl::Status SocketGuest::Stop(absl::Time) {
  const MutexLock lock(mutex_);
  peers_.reset();
  socket_.reset();
  return absl::OkStatus();
}

}  // namespace sluice
