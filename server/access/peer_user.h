#ifndef SLUICE_SERVER_ACCESS_PEER_USER_H_
#define SLUICE_SERVER_ACCESS_PEER_USER_H_

#include <sys/types.h>

#include "absl/status/statusor.h"

namespace sluice {

// The user at the far end of a connection of this host, as the kernel tells it: of
// a Unix socket by SO_PEERCRED (who connected), of TCP from loopback to loopback
// by sock_diag(7) (whose socket that is now). Any thread.
//
// PermissionDenied where it is nobody's: the far end is not on this host, not in
// this network namespace, or has closed its socket already (which the kernel would
// show as root's).
absl::StatusOr<uid_t> PeerUser(int fd);

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_PEER_USER_H_
