#ifndef SLUICE_SERVER_GUEST_SOCKET_GUEST_H_
#define SLUICE_SERVER_GUEST_SOCKET_GUEST_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/guest/datagram_peers.h"
#include "server/guest/guest.h"
#include "server/guest/guest_factory.h"
#include "server/guest/io_thread.h"
#include "server/guest/named_socket.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// Someone else's virtual machine, whose VMM speaks Ethernet over a Unix socket.
// The server makes the socket and keeps it, so that it outlives any worker; the
// worker reads from it, at once or (datagrams) when DatagramPeers has passed it on.
// The socket is there from Create to Stop, whatever the policy: a VMM that was
// disconnected may not come again.
class SocketGuest : public Guest {
 public:
  // An empty path: guest.sock in the sandbox's part of `state_dir`, or below
  // kShortDirectory where that is too long for a socket. FieldError of
  // "socket.path"; AlreadyExists where something is there. `io` outlives it.
  static absl::StatusOr<std::unique_ptr<SocketGuest>> Create(const v1::SocketGuest& spec, const std::string& state_dir,
                                                             const GuestIdentity& identity, IoThread& io);
  static constexpr char kShortDirectory[] = "/run/sluice";
  // One that an earlier server made, by its socket; where no worker had that (of
  // datagrams, it has one while it has a VMM), a new one in its place.
  static absl::StatusOr<std::unique_ptr<SocketGuest>> Adopt(const v1::SocketGuest& spec, const std::string& state_dir,
                                                            const GuestIdentity& identity, IoThread& io,
                                                            UniqueFd socket);
  void Leave() override;
  absl::Status Resume(std::function<void(ProcessExit)>) override { return absl::OkStatus(); }

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig& config) override;
  absl::StatusOr<UniqueFd> LinkDescriptor() override;
  absl::Status DetachLink() override;
  std::string SocketPath() const override { return path_; }
  absl::Status Start(std::function<void(ProcessExit)> on_exit) override;
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions& options) override;
  absl::Status Stop(absl::Time deadline) override;

 private:
  static absl::StatusOr<std::unique_ptr<SocketGuest>> Serve(const v1::SocketGuest& spec,
                                                            std::unique_ptr<NamedSocket> socket,
                                                            const std::string& note, IoThread& io);
  SocketGuest(std::unique_ptr<NamedSocket> socket, std::unique_ptr<DatagramPeers> peers)
      : path_(socket->path()), socket_(std::move(socket)), peers_(std::move(peers)) {}

  const std::string path_;
  Mutex mutex_;
  std::unique_ptr<NamedSocket> socket_ GUARDED_BY(mutex_);
  std::unique_ptr<DatagramPeers> peers_ GUARDED_BY(mutex_);  // null: a stream
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_SOCKET_GUEST_H_
