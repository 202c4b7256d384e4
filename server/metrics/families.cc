#include "server/metrics/families.h"

#include <limits>

namespace sluice {
namespace {

prometheus::ClientMetric& Add(prometheus::MetricFamily& family, const MetricLabels& labels) {
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

}  // namespace

prometheus::MetricFamily Family(const std::string& name, const std::string& help, prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void AddCounter(prometheus::MetricFamily& family, const MetricLabels& labels, double value) {
  Add(family, labels).counter.value = value;
}

void AddGauge(prometheus::MetricFamily& family, const MetricLabels& labels, double value) {
  Add(family, labels).gauge.value = value;
}

void AddHistogram(prometheus::MetricFamily& family, const MetricLabels& labels, const std::vector<double>& bounds,
                  const std::vector<uint64_t>& counts, double sum) {
  prometheus::ClientMetric::Histogram& histogram = Add(family, labels).histogram;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({cumulative, bound});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = sum;
}

}  // namespace sluice
