#ifndef SLUICE_NETSVC_FLOW_HTTP_REQUEST_H_
#define SLUICE_NETSVC_FLOW_HTTP_REQUEST_H_

#include <cstdint>
#include <span>

#include "netsvc/flow/inspection.h"

namespace sluice::flow {

// The host that an HTTP/1 request (RFC 9112) is meant for. `stream` is the first
// bytes of a connection. Allocates nothing but the name.
//
// The name is that of the target, where it has one (CONNECT, absolute form), and
// of the Host field else. kNameless: the request has none, or an address in its
// place; HTTP/0.9; the plaintext HTTP/2 preface. Decided at the end of the header
// section, since a second Host could stand in its last line.
//
// Whether the bytes are a request at all is judged as the most lenient server
// would: any token as a method, any white space between words. What it is that
// they ask for is read as the strictest would, and where servers differ over it
// the request is kUnreadable: line ends without CR, stray control characters,
// folded lines, white space before a colon, Host fields that differ from one
// another or from the target. kUnknown is what no server takes for a request,
// decided with its first byte that does not fit.
Inspection InspectHttp(std::span<const uint8_t> stream);

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_HTTP_REQUEST_H_
