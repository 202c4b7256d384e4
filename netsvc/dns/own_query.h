#ifndef SLUICE_NETSVC_DNS_OWN_QUERY_H_
#define SLUICE_NETSVC_DNS_OWN_QUERY_H_

#include <cstdint>
#include <functional>

#include "netsvc/base/domain_name.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/dns/interceptor.h"

namespace sluice::dns {

// Asks `interceptor` for records of `name` on the worker's own account: judged,
// recorded and bound like a question of the guest's, but for step 4, since no
// resolver was named. `resolver` is what its event bears.
//
// `done` runs once, from within the call or later, after the answer's addresses
// have been bound; `answered` is false where no upstream had an answer, and true
// too where the name does not exist or is denied. Not at all where the
// interceptor ends first.
void AskOwn(Interceptor& interceptor, const Endpoint& resolver, const DomainName& name, uint16_t type,
            std::function<void(bool answered)> done);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_OWN_QUERY_H_
