#ifndef SLUICE_SERVER_METRICS_SERVER_METRICS_H_
#define SLUICE_SERVER_METRICS_SERVER_METRICS_H_

#include <functional>
#include <map>
#include <vector>

#include "prometheus/collectable.h"
#include "server/access/refused_connections.h"
#include "server/core/floor_policy.h"
#include "server/core/worker_totals.h"
#include "server/metrics/rpc_metrics.h"
#include "server/service/audit_streams.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// What Prometheus is told, put together when it asks. No label has more values
// than the code has names for: nothing is told a sandbox. Any thread.
class ServerMetrics : public prometheus::Collectable {
 public:
  // All of it outlives the metrics.
  struct Sources {
    std::function<std::map<v1::Sandbox::State, size_t>()> sandboxes;
    const WorkerTotals& workers;
    const AuditStreams& streams;
    const RpcMetrics& rpcs;
    const FloorPolicy& floor;
    const RefusedConnections& refused_connections;
  };

  explicit ServerMetrics(Sources sources) : sources_(std::move(sources)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Sources sources_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_METRICS_SERVER_METRICS_H_
