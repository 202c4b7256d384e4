#ifndef SLUICE_SERVER_WORKER_UNIX_SOCKET_H_
#define SLUICE_SERVER_WORKER_UNIX_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

// Unix stream sockets by directory and name, however long the directory's path:
// a sockaddr_un holds 107 bytes, and state directories may be deeper.

namespace sluice {

// Listens at `directory`/`name`, mode 0600; replaces what stands there.
absl::StatusOr<UniqueFd> ListenUnix(const std::string& directory, const std::string& name);

// Unavailable where nobody listens. Non-blocking.
absl::StatusOr<UniqueFd> ConnectUnix(const std::string& directory, const std::string& name);

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_UNIX_SOCKET_H_
