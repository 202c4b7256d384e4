#include "netsvc/dns/domain_set.h"

#include "absl/strings/string_view.h"

namespace sluice::dns {

void DomainSet::Add(const DomainPattern& pattern) {
  (pattern.with_subdomains ? suffixes_ : exact_).emplace(pattern.name.wire());
}

bool DomainSet::Covers(const DomainName& name) const {
  absl::string_view wire = name.wire();
  if (exact_.contains(wire)) return true;
  if (suffixes_.empty()) return false;
  for (; wire.size() > 1; wire.remove_prefix(1 + static_cast<uint8_t>(wire[0]))) {
    if (suffixes_.contains(wire)) return true;
  }
  return false;
}

}  // namespace sluice::dns
