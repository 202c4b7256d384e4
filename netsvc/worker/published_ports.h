#ifndef SLUICE_NETSVC_WORKER_PUBLISHED_PORTS_H_
#define SLUICE_NETSVC_WORKER_PUBLISHED_PORTS_H_

#include <cstdint>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/flow/flow.h"
#include "netsvc/slirp/host_stack.h"
#include "netsvc/worker/subnet.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// A port of the host's that leads to the guest.
struct PublishedPort {
  v1::PortMapping mapping;
  Endpoint host;
  // The guest as the host stack knows it: an address that the guest does not
  // have, and a port that no other published port has.
  Endpoint stack_guest;

  bool udp() const { return mapping.protocol() == v1::PROTOCOL_UDP; }
};

// The published ports of a sandbox. One thread.
class PublishedPorts {
 public:
  // Ports at once; each has a number of its own on the host stack's side.
  static constexpr size_t kMaxPorts = 1024;

  PublishedPorts(HostStack& stack, const Subnet& subnet) : stack_(stack), subnet_(subnet) {}

  // Serves `socket`, bound to the mapping's host address and port. AlreadyExists,
  // ResourceExhausted.
  absl::Status Add(const v1::PortMapping& mapping, UniqueFd socket);
  struct Removed {
    PublishedPort port;
    absl::Status listener;  // whether the host stack closed it
  };
  // Closes the listener; flows that came through it are the caller's to end, whatever
  // the host stack says. NotFound.
  absl::StatusOr<Removed> Remove(const v1::PortMapping& mapping);

  // The one that the host stack knows as `stack_guest`; nullptr if there is none.
  const PublishedPort* Find(bool udp, const Endpoint& stack_guest) const;

  // A connection was accepted; until its first frame the socket is kept by the
  // peer's endpoint, which tells them apart.
  void OnAccepted(int socket);
  void OnSocketClosed(int socket) { accepted_.erase(socket); }
  // The socket of a connection to `port` from `remote`, as the host stack sees
  // it; -1 if it is gone.
  int TakeAccepted(const PublishedPort& port, const Endpoint& remote);

 private:
  struct Accepted {
    Endpoint local;
    Endpoint peer;
  };
  using Key = std::pair<bool, Endpoint>;

  HostStack& stack_;
  const Subnet& subnet_;
  std::map<Key, PublishedPort> by_stack_guest_;
  // Sockets whose first frame has not come: as many as the host stack accepts in
  // one turn.
  absl::flat_hash_map<int, Accepted> accepted_;
  uint16_t last_port_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_PUBLISHED_PORTS_H_
