#ifndef SLUICE_NETSVC_DNS_DOMAIN_SET_H_
#define SLUICE_NETSVC_DNS_DOMAIN_SET_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "netsvc/base/domain_name.h"

namespace sluice::dns {

// Domain patterns, asked by name: one look-up a label, however many there are.
// Does not allocate when asked.
class DomainSet {
 public:
  void Add(const DomainPattern& pattern);
  bool Covers(const DomainName& name) const;
  bool empty() const { return exact_.empty() && suffixes_.empty(); }

 private:
  absl::flat_hash_set<std::string> exact_;     // wire form
  absl::flat_hash_set<std::string> suffixes_;  // wire form; of "*.x", x
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_DOMAIN_SET_H_
