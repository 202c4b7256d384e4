#ifndef SLUICE_NETSVC_DNS_QUERY_BUDGET_H_
#define SLUICE_NETSVC_DNS_QUERY_BUDGET_H_

#include <cstdint>
#include <deque>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"

namespace sluice::dns {

// The part of `name` that somebody registered, by the public suffix list
// (libpsl): "a.b.example.co.uk" has "example.co.uk". A public suffix is its own.
DomainName RegistrableDomain(const DomainName& name);

// What a guest may spend on DNS, so that names are no way to carry data out: how
// many queries a second, and how many distinct names under one registrable domain
// a minute. Owned by the interceptor; the loop's thread. `now` is monotonic.
class QueryBudget {
 public:
  // In which names are distinct, counted from the first time that each is asked.
  static constexpr absl::Duration kWindow = absl::Minutes(1);
  // Names remembered, of all domains together (about 3 MB). When full, a new name
  // is over the budget, whatever its domain.
  static constexpr size_t kMaxNames = 65'536;

  // 0: no limit.
  struct Limits {
    // A second's worth may come at once.
    uint32_t queries_per_second = 0;
    uint32_t names_per_domain = 0;
  };

  // What was spent under the limits before is not forgotten.
  void SetLimits(const Limits& limits) { limits_ = limits; }

  // One query. False: over the budget, and nothing is spent.
  bool TakeQuery(absl::Duration now);
  // A name that is about to leave for a resolver.
  bool TakeName(const DomainName& name, absl::Duration now);

 private:
  struct Spent {
    absl::Duration at;
    uint64_t name;    // hashes
    uint64_t domain;
  };

  void Forget(absl::Duration before);

  Limits limits_;
  absl::Duration last_query_ = -absl::InfiniteDuration();
  double queries_left_ = 0;
  std::deque<Spent> spent_;  // the oldest first
  absl::flat_hash_set<uint64_t> names_;
  absl::flat_hash_map<uint64_t, uint32_t> names_of_domain_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_QUERY_BUDGET_H_
