#ifndef SLUICE_SERVER_METRICS_METRICS_LISTENER_H_
#define SLUICE_SERVER_METRICS_METRICS_LISTENER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "prometheus/collectable.h"
#include "prometheus/exposer.h"

namespace sluice {

// Serves http://ENDPOINT/metrics, in clear and to everyone who can reach it, on
// threads of its own until it is destroyed.
class MetricsListener {
 public:
  // FailedPrecondition where it cannot listen there. Port 0: any, see endpoint().
  static absl::StatusOr<std::unique_ptr<MetricsListener>> Start(const Endpoint& endpoint,
                                                                std::shared_ptr<prometheus::Collectable> metrics);

  // With the port that was bound.
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  MetricsListener(Endpoint endpoint, std::unique_ptr<prometheus::Exposer> exposer,
                  std::shared_ptr<prometheus::Collectable> metrics);

  const Endpoint endpoint_;
  const std::shared_ptr<prometheus::Collectable> metrics_;
  const std::unique_ptr<prometheus::Exposer> exposer_;  // ends first
};

}  // namespace sluice

#endif  // SLUICE_SERVER_METRICS_METRICS_LISTENER_H_
