#include "server/metrics/metrics_listener.h"

#include <exception>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice {

absl::StatusOr<std::unique_ptr<MetricsListener>> MetricsListener::Start(
    const Endpoint& endpoint, std::shared_ptr<prometheus::Collectable> metrics) {
  try {  // the library throws
    auto exposer = std::make_unique<prometheus::Exposer>(endpoint.ToString(), /*num_threads=*/2);
    const Endpoint bound{endpoint.address, static_cast<uint16_t>(exposer->GetListeningPorts().at(0))};
    return std::unique_ptr<MetricsListener>(new MetricsListener(bound, std::move(exposer), std::move(metrics)));
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot serve metrics at ", endpoint.ToString(), ": ", error.what()));
  }
}

MetricsListener::MetricsListener(Endpoint endpoint, std::unique_ptr<prometheus::Exposer> exposer,
                                 std::shared_ptr<prometheus::Collectable> metrics)
    : endpoint_(endpoint), metrics_(std::move(metrics)), exposer_(std::move(exposer)) {
  exposer_->RegisterCollectable(metrics_);
}

}  // namespace sluice
