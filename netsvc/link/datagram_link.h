#ifndef SLUICE_NETSVC_LINK_DATAGRAM_LINK_H_
#define SLUICE_NETSVC_LINK_DATAGRAM_LINK_H_

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/link/frame_queue.h"
#include "netsvc/link/link.h"

namespace sluice::link {

// A VMM that sends one frame a datagram to a bound Unix socket, from a socket
// with an address of its own (vfkit, krunkit, QEMU -netdev dgram).
//
// One peer at a time: whoever sends first is answered, and nobody else is heard
// until its socket has gone. Frames that it does not take wait in a FrameQueue;
// what is past that is dropped.
class DatagramLink : public Link {
 public:
  // `socket`: a bound Unix datagram socket.
  static absl::StatusOr<std::unique_ptr<DatagramLink>> Create(UniqueFd socket);

  int fd() const override { return epoll_.get(); }
  absl::StatusOr<std::span<packet::Frame>> Read() override;
  void Write(std::span<const uint8_t> frame, const packet::Offload& offload) override;
  void Flush() override;
  bool offloads() const override { return false; }
  bool removable() const override { return false; }
  const Counters& counters() const override { return counters_; }

 private:
  struct Address {
    sockaddr_un name = {};
    socklen_t size = 0;

    bool named() const { return size > sizeof(sa_family_t); }
    bool operator==(const Address& other) const;
  };

  DatagramLink(UniqueFd socket, UniqueFd epoll);

  bool IsFromPeer(const Address& sender);
  void Forget();
  // A socket connected to `address`; errno where it cannot be.
  static UniqueFd Connect(const Address& address, int& error);
  void AwaitRoom(bool wanted);

  const UniqueFd socket_;
  const UniqueFd epoll_;
  std::optional<Address> peer_;
  // Connected to the peer, and writable when its queue has room. None where the
  // peer hears socket_ alone: then only socket_'s own buffer can be full.
  UniqueFd room_;
  bool awaits_room_ = false;
  FrameQueue queue_;
  std::vector<uint8_t> buffer_;
  std::array<packet::Frame, kMaxBatch> frames_;
  Counters counters_;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_DATAGRAM_LINK_H_
