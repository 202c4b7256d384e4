#ifndef SLUICE_NETSVC_LINK_DATAGRAM_LINK_H_
#define SLUICE_NETSVC_LINK_DATAGRAM_LINK_H_

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/link/frame_queue.h"
#include "netsvc/link/link.h"

namespace sluice::link {

// A VMM that sends one frame a datagram to a bound Unix socket, from a socket
// with an address of its own (vfkit, krunkit, QEMU -netdev dgram).
//
// A VMM is answered at the name of its socket, which a worker, who sees no file
// system, cannot use. So the server connects the socket that the VMM sends to and
// passes it on, over the "feed": a Unix socket of messages (SOCK_SEQPACKET), of one
// byte and one descriptor each. From then on nobody else can send to it. Once its
// peer has gone it is dropped, and the feed's next one taken.
//
// Frames that the peer does not take wait in a FrameQueue; what is past that is
// dropped.
class DatagramLink : public Link {
 public:
  static absl::StatusOr<std::unique_ptr<DatagramLink>> Create(UniqueFd feed);

  int fd() const override { return epoll_.get(); }
  absl::StatusOr<std::span<packet::Frame>> Read() override;
  void Write(std::span<const uint8_t> frame, const packet::Offload& offload) override;
  void Flush() override;
  bool offloads() const override { return false; }
  bool removable() const override { return false; }
  // The socket that the VMM sends to, while there is one.
  int descriptor() const override { return peer_.get(); }
  void Renew(UniqueFd feed) override;
  const Counters& counters() const override { return counters_; }

 private:
  struct Address {
    sockaddr_un name = {};
    socklen_t size = sizeof(sockaddr_un);

    bool named() const { return size > sizeof(sa_family_t); }
    bool operator==(const Address& other) const;
  };

  DatagramLink(UniqueFd feed, UniqueFd epoll);

  // FailedPrecondition where the server is no longer there to send any.
  absl::Status TakePeer();
  // Whether the socket still is somebody's; learns whose.
  bool HasPeer();
  void Disconnect();
  absl::StatusOr<size_t> Receive();
  void AwaitRoom(bool wanted);
  void Watch(const UniqueFd& fd, int operation, uint32_t events);

  UniqueFd feed_;
  // The feed while there is no peer, the peer while there is one.
  const UniqueFd epoll_;
  UniqueFd peer_;
  Address peer_address_;
  bool awaits_room_ = false;
  FrameQueue queue_;
  std::vector<uint8_t> buffer_;
  std::array<packet::Frame, kMaxBatch> frames_;
  Counters counters_;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_DATAGRAM_LINK_H_
