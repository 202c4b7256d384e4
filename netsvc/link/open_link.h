#ifndef SLUICE_NETSVC_LINK_OPEN_LINK_H_
#define SLUICE_NETSVC_LINK_OPEN_LINK_H_

#include <memory>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/link/link.h"

namespace sluice::link {

// The link behind a descriptor of the server's. What the descriptor is says which:
// a listening Unix stream socket, a DatagramLink's feed, or a TAP.
// InvalidArgument for anything else.
absl::StatusOr<std::unique_ptr<Link>> OpenLink(UniqueFd fd);

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_OPEN_LINK_H_
