#ifndef SLUICE_NETSVC_WORKER_PATH_MTU_H_
#define SLUICE_NETSVC_WORKER_PATH_MTU_H_

#include <cstdint>
#include <optional>

#include "netsvc/base/ip_address.h"

namespace sluice {

// The largest IP packet, in bytes, that reaches `remote` in one piece, as far as
// the kernel has learnt (RFC 1191, RFC 8201). Sends nothing. Nothing where there
// is no route, or no socket to ask with.
std::optional<uint16_t> PathMtu(const IpAddress& remote);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_PATH_MTU_H_
