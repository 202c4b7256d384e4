#ifndef SLUICE_SERVER_CORE_PORT_BINDER_H_
#define SLUICE_SERVER_CORE_PORT_BINDER_H_

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// A published port and the socket that holds it. The server keeps the socket
// open as long as the port is published: a worker's death does not free it.
struct BoundPort {
  v1::PortMapping mapping;  // host_port is the one that was bound
  UniqueFd socket;          // TCP: listening; UDP: bound. Non-blocking.
};

// Connections that wait for the worker to accept them; the kernel caps it at
// net.core.somaxconn.
inline constexpr int kListenBacklog = 4096;

// Takes the host port that `port` (from CheckPort) names; host_port 0 is any
// free one. IPv6 sockets take no IPv4. Errors, in words for the caller:
// AlreadyExists (taken), PermissionDenied, InvalidArgument with field
// "host_address" (not an address of this host). Any thread.
absl::StatusOr<BoundPort> BindPort(const v1::PortMapping& port);

// Is `port.socket` what BindPort would have made of its mapping? For one that
// comes from a worker, which may have been taken over by its guest.
bool IsBound(const BoundPort& port);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_PORT_BINDER_H_
