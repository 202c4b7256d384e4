#ifndef SLUICE_NETSVC_DNS_BLOCK_LISTS_H_
#define SLUICE_NETSVC_DNS_BLOCK_LISTS_H_

#include <map>
#include <string>
#include <utility>

#include "netsvc/policy/domain_set.h"

namespace sluice::dns {

// The block lists that a worker was given, by name. One thread. A list that is
// set again is another one from then on, for everyone who has found it.
class BlockLists {
 public:
  // Lists at once: as many as a server has. A sandbox names fewer.
  static constexpr size_t kMaxLists = 64;

  // False where there are kMaxLists of other names.
  bool Set(const std::string& name, policy::DomainSet list) {
    if (lists_.size() == kMaxLists && !lists_.contains(name)) return false;
    lists_[name] = std::move(list);
    return true;
  }

  // nullptr where there is none. Lives as long as this.
  const policy::DomainSet* Find(const std::string& name) const {
    const auto found = lists_.find(name);
    return found == lists_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, policy::DomainSet> lists_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_BLOCK_LISTS_H_
