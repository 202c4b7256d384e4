#ifndef SLUICE_NETSVC_DNS_ASKED_H_
#define SLUICE_NETSVC_DNS_ASKED_H_

#include "netsvc/base/endpoint.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::dns {

// Where a query came from: the guest's socket, the resolver that it named.
struct Asked {
  v1::Protocol transport = v1::PROTOCOL_UDP;
  Endpoint guest;
  Endpoint resolver;
  // The worker asks it, not the guest: no resolver was named.
  bool own = false;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_ASKED_H_
