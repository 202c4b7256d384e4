#ifndef SLUICE_NETSVC_FLOW_TLS_CLIENT_HELLO_H_
#define SLUICE_NETSVC_FLOW_TLS_CLIENT_HELLO_H_

#include <cstdint>
#include <span>

#include "netsvc/flow/inspection.h"

namespace sluice::flow {

// The server name (RFC 6066 section 3) of the ClientHello that `handshake`, the
// first bytes of a handshake without its record layer, begins with; what follows
// the hello is not looked at. SSL 3.0 to TLS 1.3.
//
// kUndecided until the hello is whole. kNameless: it has no server name, or an
// address in its place. kUnreadable: anything but a ClientHello, lengths that do
// not add up, a server name that is given twice or is no name, and a hello longer
// than kMaxInspected as soon as its length says so. With Encrypted Client Hello
// the name is that of the outer hello.
Inspection InspectHandshake(std::span<const uint8_t> handshake);

// The same over the record layer: `stream` is the first bytes of a TLS
// connection, whose first record is of type handshake. Records split the
// hello as they like (RFC 8446 section 5.1), but nothing else may stand between
// them. Copies 16 KiB at most, on the stack.
Inspection InspectTls(std::span<const uint8_t> stream);

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_TLS_CLIENT_HELLO_H_
