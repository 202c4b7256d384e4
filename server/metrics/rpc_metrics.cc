#include "server/metrics/rpc_metrics.h"

#include <algorithm>
#include <array>

#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "server/metrics/families.h"
#include "server/service/status.h"

namespace sluice {
namespace {

// Seconds. A creation starts processes; a stream lives for days.
constexpr std::array<double, 9> kBounds = {0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60};

class Observer : public grpc::experimental::Interceptor {
 public:
  Observer(RpcMetrics& metrics, std::string method)
      : metrics_(metrics), method_(std::move(method)), began_(absl::Now()) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      metrics_.Ended(method_, methods->GetSendStatus().error_code(), absl::Now() - began_);
    }
    methods->Proceed();
  }

 private:
  RpcMetrics& metrics_;
  const std::string method_;
  const absl::Time began_;
};

class ObserverFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit ObserverFactory(RpcMetrics& metrics) : metrics_(metrics) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    return new Observer(metrics_, info->method());  // gRPC's from here on
  }

 private:
  RpcMetrics& metrics_;
};

}  // namespace

void RpcMetrics::Ended(const std::string& path, grpc::StatusCode code, absl::Duration took) {
  const double seconds = std::max(absl::ToDoubleSeconds(took), 0.0);
  const MutexLock lock(mutex_);
  const bool known = methods_.contains(path) || methods_.size() < kMaxMethods;
  Method& method = methods_[known ? path : "other"];
  ++method.codes[code];
  method.buckets.resize(kBounds.size() + 1);
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  ++method.buckets[static_cast<size_t>(bound - kBounds.begin())];
  method.seconds += seconds;
}

std::vector<prometheus::MetricFamily> RpcMetrics::Collect() const {
  prometheus::MetricFamily calls =
      Family("sluice_rpcs_total", "Calls that ended, by method and code.", prometheus::MetricType::Counter);
  prometheus::MetricFamily durations = Family("sluice_rpc_duration_seconds", "From the start of a call to its end.",
                                              prometheus::MetricType::Histogram);
  const MutexLock lock(mutex_);
  for (const auto& [path, method] : methods_) {
    const std::string name(absl::StripPrefix(path, "/"));
    for (const auto& [code, count] : method.codes) {
      AddCounter(calls, {{"method", name}, {"code", CodeName(code)}}, static_cast<double>(count));
    }
    AddHistogram(durations, {{"method", name}}, {kBounds.begin(), kBounds.end()}, method.buckets, method.seconds);
  }
  return {std::move(calls), std::move(durations)};
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRpcObserver(RpcMetrics& metrics) {
  return std::make_unique<ObserverFactory>(metrics);
}

}  // namespace sluice
