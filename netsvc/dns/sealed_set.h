#ifndef SLUICE_NETSVC_DNS_SEALED_SET_H_
#define SLUICE_NETSVC_DNS_SEALED_SET_H_

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/policy/domain_set.h"

// A domain set that processes share: its image in a memfd that nobody can change
// any more, however many have it. Whoever maps it pays for the pages of it that
// are touched, and only the first pays. Any thread.

namespace sluice::dns {

// A sealed memfd with `set`'s image.
absl::StatusOr<UniqueFd> SealSet(const policy::DomainSet& set);

// The set in a memfd that SealSet made; it does not need the descriptor any
// more. Takes no time that depends on its size. FailedPrecondition where the
// memory is not sealed, InvalidArgument where it is no image.
absl::StatusOr<policy::DomainSet> MapSealedSet(const UniqueFd& memory);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_SEALED_SET_H_
