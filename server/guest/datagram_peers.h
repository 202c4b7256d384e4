#ifndef SLUICE_SERVER_GUEST_DATAGRAM_PEERS_H_
#define SLUICE_SERVER_GUEST_DATAGRAM_PEERS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/io_thread.h"

namespace sluice {

// The VMMs that send to a bound datagram socket, one at a time. Theory of operation:
//
// Whoever sends first is the peer. The socket is connected to the socket that it
// sent from, so that the kernel keeps everybody else out, and passed on to a worker,
// which could not do this: it sees no file system. When the peer's process ends,
// or its socket refuses a frame, the next may come. Who may send at all is the
// socket's mode; the socket that is answered must be one to which the sender itself
// may write.
//
// A socket that an earlier server connected stays so, where the peer's process is
// the one that `note` tells of; else the next to send is the peer, as ever.
//
// Any thread.
class DatagramPeers {
 public:
  // `socket`: bound, of type SOCK_DGRAM; nothing else but workers reads from it.
  // `note`: the path where the peer's process is noted (server/base/process_note.h).
  // `io` outlives it.
  static absl::StatusOr<std::unique_ptr<DatagramPeers>> Start(IoThread& io, UniqueFd socket, const std::string& note);
  ~DatagramPeers();
  // The socket stays its peer's, for whoever else holds it.
  void Leave() { left_ = true; }
  DatagramPeers(const DatagramPeers&) = delete;
  DatagramPeers& operator=(const DatagramPeers&) = delete;

  // For a worker (link::DatagramLink): it gets the socket each time that there is a
  // new peer, and now where there is one. Ends the feed before it.
  absl::StatusOr<UniqueFd> NewFeed();

 private:
  class State;

  DatagramPeers(IoThread& io, std::shared_ptr<State> state) : io_(io), state_(std::move(state)) {}

  IoThread& io_;
  std::shared_ptr<State> state_;
  bool left_ = false;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_DATAGRAM_PEERS_H_
