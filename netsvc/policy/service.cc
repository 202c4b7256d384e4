#include "netsvc/policy/service.h"

#include <algorithm>

namespace sluice::policy {

Service ServiceOf(v1::Protocol protocol, uint16_t port) {
  if (protocol == v1::PROTOCOL_TCP) return kTcp + port;
  if (protocol == v1::PROTOCOL_UDP) return kUdp + port;
  return kIcmp;
}

ServiceSet MakeServiceSet(std::vector<ServiceRange> ranges) {
  std::ranges::sort(ranges, {}, &ServiceRange::first);
  ServiceSet set;
  for (const ServiceRange& range : ranges) {
    if (!set.empty() && range.first <= set.back().last + 1) {
      set.back().last = std::max(set.back().last, range.last);
    } else {
      set.push_back(range);
    }
  }
  return set;
}

bool Contains(const ServiceSet& set, Service service) {
  const auto after = std::ranges::upper_bound(set, service, {}, &ServiceRange::first);
  return after != set.begin() && service <= std::prev(after)->last;
}

}  // namespace sluice::policy
