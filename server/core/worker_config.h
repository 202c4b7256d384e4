#ifndef SLUICE_SERVER_CORE_WORKER_CONFIG_H_
#define SLUICE_SERVER_CORE_WORKER_CONFIG_H_

#include <cstdint>

#include "netsvc/policy/rule.h"
#include "server/core/host_network.h"
#include "server/core/interface_plan.h"
#include "sluice/internal/v1/worker.pb.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// What a worker is told of its sandbox (checked and complete, with a uid) as it
// starts, and again by a server that adopts it. `floor`: as ParseFloor takes it.
internal::v1::Configure MakeWorkerConfig(const v1::Sandbox& sandbox, const InterfacePlan& plan,
                                         const HostNetwork& host, const policy::RuleProtos& floor);
// What of it follows from the host and the server alone.
internal::v1::SetHost MakeHostUpdate(const HostNetwork& host);

// What of it may change later.
internal::v1::UpdateNetwork MakeNetworkUpdate(const v1::NetworkConfig& network, const HostNetwork& host);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_WORKER_CONFIG_H_
