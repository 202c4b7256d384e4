#ifndef SLUICE_SERVER_METRICS_FAMILIES_H_
#define SLUICE_SERVER_METRICS_FAMILIES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"

namespace sluice {

// Metric families out of numbers that are counted elsewhere.

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

prometheus::MetricFamily Family(const std::string& name, const std::string& help, prometheus::MetricType type);

void AddCounter(prometheus::MetricFamily& family, const MetricLabels& labels, double value);
void AddGauge(prometheus::MetricFamily& family, const MetricLabels& labels, double value);
// `counts` has one more than `bounds`: each its own bucket's, the last for what is
// above all of them.
void AddHistogram(prometheus::MetricFamily& family, const MetricLabels& labels, const std::vector<double>& bounds,
                  const std::vector<uint64_t>& counts, double sum);

}  // namespace sluice

#endif  // SLUICE_SERVER_METRICS_FAMILIES_H_
