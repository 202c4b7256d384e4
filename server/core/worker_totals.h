#ifndef SLUICE_SERVER_CORE_WORKER_TOTALS_H_
#define SLUICE_SERVER_CORE_WORKER_TOTALS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/base/mutex.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// What all workers have counted, those that are gone included, as far as the
// server was told. Any thread.
class WorkerTotals {
 public:
  using ReasonCounts = std::map<v1::Verdict::Reason, uint64_t>;

  // Only `flows_open` and `audit_unavailable` ever fall.
  struct Sum {
    uint64_t flows_open = 0;
    uint64_t flows_opened = 0;
    ReasonCounts flows_denied;
    uint64_t bytes_to_remote = 0;
    uint64_t bytes_to_guest = 0;
    ReasonCounts dns_allowed;
    ReasonCounts dns_denied;
    // As in internal::v1::Histogram.
    std::vector<double> dns_latency_bounds;
    std::vector<uint64_t> dns_latency_counts;
    double dns_latency_seconds = 0;
    uint64_t audit_events = 0;
    uint64_t audit_dropped = 0;
    uint64_t audit_write_errors = 0;
    uint64_t audit_unavailable = 0;  // workers whose log cannot be written
    uint64_t deaths = 0;             // workers that ended though nobody asked them to
  };

  // What the worker of this sandbox says now. After Forget, or the first time, it
  // is a worker that has counted from zero.
  void Update(const std::string& sandbox_uid, const internal::v1::StatsResult& stats);
  // Its worker is gone; what it counted stays.
  void Forget(const std::string& sandbox_uid);
  // Its worker ended though nobody asked it to; another goes on with its log.
  void CountDeath(const std::string& sandbox_uid);

  Sum Get() const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, internal::v1::StatsResult> current_ GUARDED_BY(mutex_);
  Sum gone_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_WORKER_TOTALS_H_
