#include "netsvc/policy/service_maps.h"

#include <algorithm>
#include <queue>
#include <utility>

namespace sluice::policy {

ServiceMaps::Builder::Builder(std::span<const Rule> rules) : rules_(rules), singles_(rules.size()) {}

ServiceMaps::Map ServiceMaps::Builder::Add(std::span<const RuleIndex> indexes) {
  if (indexes.empty()) return {};
  if (indexes.size() == 1) return AddSingle(indexes.front());
  std::vector<Range> input;
  for (const RuleIndex index : indexes) {
    for (const ServiceRange& range : rules_[index].services) input.push_back({range.first, range.last, index});
  }
  const size_t begin = ranges_.size();
  AppendOverlay(std::move(input));
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(ranges_.size() - begin)};
}

ServiceMaps::Map ServiceMaps::Builder::AddSingle(RuleIndex index) {
  Map& map = singles_[index];
  if (map.size > 0) return map;
  map = {static_cast<uint32_t>(ranges_.size()), static_cast<uint32_t>(rules_[index].services.size())};
  for (const ServiceRange& range : rules_[index].services) ranges_.push_back({range.first, range.last, index});
  return map;
}

void ServiceMaps::Builder::AppendOverlay(std::vector<Range> input) {
  std::ranges::sort(input, {}, &Range::first);
  const auto later_rule = [](const Range& a, const Range& b) { return a.rule > b.rule; };
  std::priority_queue<Range, std::vector<Range>, decltype(later_rule)> open(later_rule);
  const size_t begin = ranges_.size();
  size_t next = 0;
  Service at = 0;
  while (next < input.size() || !open.empty()) {
    if (open.empty()) at = input[next].first;
    while (next < input.size() && input[next].first <= at) open.push(input[next++]);
    while (!open.empty() && open.top().last < at) open.pop();
    if (open.empty()) continue;
    Service last = open.top().last;
    if (next < input.size()) last = std::min(last, input[next].first - 1);
    AppendRange(begin, {at, last, open.top().rule});
    at = last + 1;
  }
}

void ServiceMaps::Builder::AppendRange(size_t begin, const Range& range) {
  const bool goes_on =
      ranges_.size() > begin && ranges_.back().rule == range.rule && ranges_.back().last + 1 == range.first;
  if (goes_on) {
    ranges_.back().last = range.last;
  } else {
    ranges_.push_back(range);
  }
}

ServiceMaps ServiceMaps::Builder::Build() && {
  ServiceMaps maps;
  ranges_.shrink_to_fit();
  maps.ranges_ = std::move(ranges_);
  return maps;
}

RuleIndex ServiceMaps::Find(Map map, Service service) const {
  const std::span<const Range> ranges(ranges_.data() + map.begin, map.size);
  const auto after = std::ranges::upper_bound(ranges, service, {}, &Range::first);
  if (after == ranges.begin()) return kNoRule;
  const Range& range = *std::prev(after);
  return service <= range.last ? range.rule : kNoRule;
}

}  // namespace sluice::policy
