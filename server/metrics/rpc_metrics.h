#ifndef SLUICE_SERVER_METRICS_RPC_METRICS_H_
#define SLUICE_SERVER_METRICS_RPC_METRICS_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "prometheus/metric_family.h"
#include "server/base/mutex.h"

namespace sluice {

// How many calls of each method ended with which code, and how long they took.
// Any thread.
class RpcMetrics {
 public:
  // Methods told apart; a client makes up names as it likes, so past it they are
  // "other".
  static constexpr size_t kMaxMethods = 64;

  // `method` as in ":path": "/sluice.v1.SandboxService/GetSandbox".
  void Ended(const std::string& method, grpc::StatusCode code, absl::Duration took);

  // sluice_rpcs_total and sluice_rpc_duration_seconds.
  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  struct Method {
    std::map<grpc::StatusCode, uint64_t> codes;
    std::vector<uint64_t> buckets;
    double seconds = 0;
  };

  mutable Mutex mutex_;
  std::map<std::string, Method> methods_ GUARDED_BY(mutex_);
};

// Puts every call of a server into `metrics`, which outlives it.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRpcObserver(RpcMetrics& metrics);

}  // namespace sluice

#endif  // SLUICE_SERVER_METRICS_RPC_METRICS_H_
