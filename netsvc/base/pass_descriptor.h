#ifndef SLUICE_NETSVC_BASE_PASS_DESCRIPTOR_H_
#define SLUICE_NETSVC_BASE_PASS_DESCRIPTOR_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Descriptors over a Unix socket of messages (SOCK_SEQPACKET), one with each. Never
// blocks.

// Unavailable where the socket takes no more, or its other end is closed.
absl::Status PassDescriptor(const UniqueFd& socket, const UniqueFd& fd);

// The next; an invalid one where none waits. FailedPrecondition where the other end
// is closed.
absl::StatusOr<UniqueFd> TakeDescriptor(const UniqueFd& socket);

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_PASS_DESCRIPTOR_H_
