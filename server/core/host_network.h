#ifndef SLUICE_SERVER_CORE_HOST_NETWORK_H_
#define SLUICE_SERVER_CORE_HOST_NETWORK_H_

#include <string>
#include <vector>

#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_prefix.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// What every worker is told of the host and the server; a value.
struct HostNetwork {
  std::vector<Endpoint> nameservers;    // the host's resolvers, as they are now
  std::vector<Endpoint> control_plane;  // the server's own listeners
  std::vector<IpPrefix> extra_host_cidrs;
  std::vector<IpPrefix> nat64_prefixes;
  internal::v1::AuditOptions audit;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_HOST_NETWORK_H_
