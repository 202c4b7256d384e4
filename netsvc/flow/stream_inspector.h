#ifndef SLUICE_NETSVC_FLOW_STREAM_INSPECTOR_H_
#define SLUICE_NETSVC_FLOW_STREAM_INSPECTOR_H_

#include <cstdint>
#include <span>

#include "netsvc/flow/inspection.h"

namespace sluice::flow {

// What the first bytes that a guest sent on a TCP flow say of the host that it
// means: a TLS ClientHello's server name, or an HTTP/1 request's host. Pure; any
// thread. `prefix` starts with the flow's first byte; while the answer is
// kUndecided, the caller asks again with more of them. From kMaxInspected bytes
// on there is always an answer. A stream that ends undecided has asked nothing of
// any server, though an HTTP/0.9 server may think otherwise.
//
// What is TLS is read by InspectTls, all else by InspectHttp; both say what they
// find unreadable. So is an SSLv2 ClientHello, which servers of TLS may still
// take, and a stream of TLS that begins with another record than a handshake.
Inspection InspectStream(std::span<const uint8_t> prefix);

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_STREAM_INSPECTOR_H_
