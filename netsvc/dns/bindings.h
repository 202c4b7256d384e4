#ifndef SLUICE_NETSVC_DNS_BINDINGS_H_
#define SLUICE_NETSVC_DNS_BINDINGS_H_

#include <cstdint>
#include <list>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"

namespace sluice::dns {

// Which names of a sandbox's lead to which addresses: the pairs that its allowed
// answers carried.
//
// A pair is live for the answer's TTL, kMinLife at least. After that it is stale:
// the name has to be resolved again before it counts for a new flow, and the pair
// is kept to know which name that is. Whatever is bound again begins anew.
//
// One thread. `clock` outlives it.
class Bindings {
 public:
  static constexpr absl::Duration kMinLife = absl::Seconds(60);
  // When full, the pair that was bound longest ago goes, of those that no open
  // flow uses first.
  static constexpr size_t kMaxPairs = 16'384;
  static constexpr size_t kMaxPairsOfName = 1'024;
  // Names told of one address and state; those bound last are.
  static constexpr size_t kMaxNamesTold = 64;

  struct Counters {
    uint64_t bound = 0;    // pairs that were not there
    uint64_t renewed = 0;  // pairs that were
    uint64_t evicted = 0;  // to make room
    uint64_t dropped = 0;  // the name moved away, or may not be asked any more
  };

  // The names of an address, those bound last first.
  struct Names {
    std::vector<DomainName> live;
    std::vector<DomainName> stale;
  };

  explicit Bindings(const Clock& clock) : clock_(clock) {}
  Bindings(const Bindings&) = delete;
  Bindings& operator=(const Bindings&) = delete;

  // `name` was answered with `addresses`, `ago`.
  void Bind(const DomainName& name, std::span<const IpAddress> addresses, absl::Duration ttl,
            absl::Duration ago = absl::ZeroDuration());

  Names NamesOf(const IpAddress& address) const;
  // Is the pair live?
  bool IsLive(const DomainName& name, const IpAddress& address) const;

  // Drops the pair where it is still stale: its name was resolved again and has
  // other addresses now.
  void DropIfStale(const DomainName& name, const IpAddress& address);
  // Drops the pairs that `dropped` says so of.
  void DropIf(absl::FunctionRef<bool(const DomainName&, const IpAddress&)> dropped);

  // A flow to `address` opened under `names`; it is over. Each Use has its
  // Release. Pairs that are gone are passed over.
  void Use(const IpAddress& address, std::span<const DomainName> names);
  void Release(const IpAddress& address, std::span<const DomainName> names);

  size_t size() const { return pairs_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  struct Pair;
  using PairList = std::list<Pair>;
  using PairRefs = std::list<PairList::iterator>;
  using Key = std::pair<DomainName, IpAddress>;

  struct Pair {
    DomainName name;
    IpAddress address;
    absl::Duration live_until;  // monotonic
    uint32_t users = 0;         // open flows
    PairRefs::iterator of_name;
    PairRefs::iterator of_address;
  };

  void BindOne(const DomainName& name, const IpAddress& address, absl::Duration live_until);
  void MakeRoom(const DomainName& name);
  void Remove(PairList::iterator pair);
  PairList& ListOf(const Pair& pair) { return pair.users > 0 ? used_ : idle_; }

  const Clock& clock_;
  // The oldest first in each list.
  PairList idle_;
  PairList used_;
  absl::flat_hash_map<Key, PairList::iterator> pairs_;
  absl::flat_hash_map<DomainName, PairRefs> by_name_;
  absl::flat_hash_map<IpAddress, PairRefs> by_address_;
  Counters counters_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_BINDINGS_H_
