#include "netsvc/dns/bindings.h"

#include <algorithm>

namespace sluice::dns {

void Bindings::Bind(const DomainName& name, std::span<const IpAddress> addresses, absl::Duration ttl,
                    absl::Duration ago) {
  const absl::Duration live_until = clock_.Monotonic() + std::max(ttl, kMinLife) - ago;
  for (const IpAddress& address : addresses) BindOne(name, address, live_until);
}

void Bindings::BindOne(const DomainName& name, const IpAddress& address, absl::Duration live_until) {
  if (const auto found = pairs_.find(Key(name, address)); found != pairs_.end()) {
    const PairList::iterator pair = found->second;
    pair->live_until = live_until;
    PairList& list = ListOf(*pair);
    list.splice(list.end(), list, pair);
    PairRefs& of_name = by_name_[name];
    of_name.splice(of_name.end(), of_name, pair->of_name);
    PairRefs& of_address = by_address_[address];
    of_address.splice(of_address.end(), of_address, pair->of_address);
    ++counters_.renewed;
    return;
  }
  MakeRoom(name);
  const PairList::iterator pair = idle_.insert(idle_.end(), {.name = name,
                                                             .address = address,
                                                             .live_until = live_until,
                                                             .users = 0,
                                                             .of_name = {},
                                                             .of_address = {}});
  PairRefs& of_name = by_name_[name];
  pair->of_name = of_name.insert(of_name.end(), pair);
  PairRefs& of_address = by_address_[address];
  pair->of_address = of_address.insert(of_address.end(), pair);
  pairs_.emplace(Key(name, address), pair);
  ++counters_.bound;
}

void Bindings::MakeRoom(const DomainName& name) {
  const auto of_name = by_name_.find(name);
  if (of_name != by_name_.end() && of_name->second.size() >= kMaxPairsOfName) {
    ++counters_.evicted;
    Remove(of_name->second.front());
  } else if (pairs_.size() >= kMaxPairs) {
    ++counters_.evicted;
    Remove(idle_.empty() ? used_.begin() : idle_.begin());
  }
}

void Bindings::Remove(PairList::iterator pair) {
  const auto of_name = by_name_.find(pair->name);
  of_name->second.erase(pair->of_name);
  if (of_name->second.empty()) by_name_.erase(of_name);
  const auto of_address = by_address_.find(pair->address);
  of_address->second.erase(pair->of_address);
  if (of_address->second.empty()) by_address_.erase(of_address);
  pairs_.erase(Key(pair->name, pair->address));
  ListOf(*pair).erase(pair);
}

Bindings::Names Bindings::NamesOf(const IpAddress& address) const {
  Names names;
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return names;
  const absl::Duration now = clock_.Monotonic();
  for (auto ref = found->second.rbegin(); ref != found->second.rend(); ++ref) {
    const Pair& pair = **ref;
    std::vector<DomainName>& list = now < pair.live_until ? names.live : names.stale;
    if (list.size() < kMaxNamesTold) list.push_back(pair.name);
  }
  return names;
}

bool Bindings::IsLive(const DomainName& name, const IpAddress& address) const {
  const auto found = pairs_.find(Key(name, address));
  return found != pairs_.end() && clock_.Monotonic() < found->second->live_until;
}

void Bindings::DropIfStale(const DomainName& name, const IpAddress& address) {
  const auto found = pairs_.find(Key(name, address));
  if (found == pairs_.end() || clock_.Monotonic() < found->second->live_until) return;
  ++counters_.dropped;
  Remove(found->second);
}

void Bindings::DropIf(absl::FunctionRef<bool(const DomainName&, const IpAddress&)> dropped) {
  for (PairList* list : {&idle_, &used_}) {
    for (PairList::iterator next = list->begin(); next != list->end();) {
      const PairList::iterator pair = next++;
      if (!dropped(pair->name, pair->address)) continue;
      ++counters_.dropped;
      Remove(pair);
    }
  }
}

void Bindings::Use(const IpAddress& address, std::span<const DomainName> names) {
  for (const DomainName& name : names) {
    const auto found = pairs_.find(Key(name, address));
    if (found == pairs_.end()) continue;
    if (found->second->users++ == 0) used_.splice(used_.end(), idle_, found->second);
  }
}

void Bindings::Release(const IpAddress& address, std::span<const DomainName> names) {
  for (const DomainName& name : names) {
    const auto found = pairs_.find(Key(name, address));
    if (found == pairs_.end() || found->second->users == 0) continue;
    if (--found->second->users == 0) idle_.splice(idle_.end(), used_, found->second);
  }
}

}  // namespace sluice::dns
