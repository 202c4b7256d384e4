#ifndef SLUICE_NETSVC_FLOW_HOST_TEXT_H_
#define SLUICE_NETSVC_FLOW_HOST_TEXT_H_

#include "absl/strings/string_view.h"
#include "netsvc/flow/inspection.h"

namespace sluice::flow {

// A host as clients write it into what they send: a name in ASCII, in any case,
// a trailing dot meaning nothing (kNamed), or an address (kNameless). Anything
// else, an IDN that is not in its ASCII form among it, is kUnreadable.
Inspection InspectHost(absl::string_view host);

// host[:port], with IPv6 addresses in brackets (RFC 3986 section 3.2). The port
// is passed over; user information is kUnreadable (RFC 9110 section 4.2.4).
Inspection InspectAuthority(absl::string_view authority);

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_HOST_TEXT_H_
