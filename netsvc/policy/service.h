#ifndef SLUICE_NETSVC_POLICY_SERVICE_H_
#define SLUICE_NETSVC_POLICY_SERVICE_H_

#include <cstdint>
#include <vector>

#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// A protocol and a port as one number, so that what a rule says of both is a
// set of ranges on one axis: TCP's ports, then UDP's, then ICMP, then
// kAnyService.
using Service = uint32_t;

inline constexpr Service kTcp = 0;
inline constexpr Service kUdp = 0x1'0000;
inline constexpr Service kIcmp = 0x2'0000;
// What is asked of a name or an address whatever the service will be, as DNS
// does: an allow of anything answers it, and a deny of everything.
inline constexpr Service kAnyService = 0x2'0001;

// `protocol` is not PROTOCOL_UNSPECIFIED.
Service ServiceOf(v1::Protocol protocol, uint16_t port);

// Both ends included.
struct ServiceRange {
  Service first = 0;
  Service last = 0;

  friend bool operator==(const ServiceRange&, const ServiceRange&) = default;
};

// Sorted, neither overlapping nor touching.
using ServiceSet = std::vector<ServiceRange>;

// From ranges in any order.
ServiceSet MakeServiceSet(std::vector<ServiceRange> ranges);

bool Contains(const ServiceSet& set, Service service);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_SERVICE_H_
