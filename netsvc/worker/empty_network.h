#ifndef SLUICE_NETSVC_WORKER_EMPTY_NETWORK_H_
#define SLUICE_NETSVC_WORKER_EMPTY_NETWORK_H_

#include <sched.h>

namespace sluice {

// Gives the calling thread a network with nothing in it, for tests that would
// otherwise let the gateway's real sockets (pings) speak to the machine's own.
// False: the kernel does not let it.
inline bool EnterEmptyNetwork() { return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0; }

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_EMPTY_NETWORK_H_
