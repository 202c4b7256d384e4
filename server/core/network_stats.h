#ifndef SLUICE_SERVER_CORE_NETWORK_STATS_H_
#define SLUICE_SERVER_CORE_NETWORK_STATS_H_

#include "sluice/internal/v1/worker.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice {

// What a worker says, as the API tells it.
v1::GetNetworkStatsResponse ToNetworkStats(const internal::v1::StatsResult& stats);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_NETWORK_STATS_H_
