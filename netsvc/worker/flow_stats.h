#ifndef SLUICE_NETSVC_WORKER_FLOW_STATS_H_
#define SLUICE_NETSVC_WORKER_FLOW_STATS_H_

#include <cstdint>

#include "netsvc/flow/flow_table.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// Most remotes that are ever told.
inline constexpr uint32_t kMaxTopRemotes = 100;

// Adds what the open flows have to tell: how many there are, their bytes, and the
// `top_remotes` addresses and ports with the most bytes.
void FillFlowStats(flow::FlowTable& flows, uint32_t top_remotes, internal::v1::StatsResult& stats);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_FLOW_STATS_H_
