#ifndef SLUICE_NETSVC_DNS_MESSAGE_SEEDS_H_
#define SLUICE_NETSVC_DNS_MESSAGE_SEEDS_H_

#include <vector>

#include "netsvc/dns/test_message.h"

namespace sluice::dns {

// What guests ask and upstreams answer, each kind of message once: queries of
// every shape, answers with every layout of record data. Message alone, as it
// goes over UDP.
std::vector<Bytes> MessageSeeds();

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_MESSAGE_SEEDS_H_
