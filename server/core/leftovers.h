#ifndef SLUICE_SERVER_CORE_LEFTOVERS_H_
#define SLUICE_SERVER_CORE_LEFTOVERS_H_

#include <set>
#include <string>
#include <vector>

#include "server/base/cgroup.h"
#include "server/core/state_directory.h"
#include "server/store/state_store.h"

namespace sluice {

// What was found of sandboxes that are no more.
struct Leftovers {
  std::vector<std::string> removed;   // a few words each
  std::vector<std::string> problems;  // a sentence each
};

// Ends and removes what a server that was killed left of sandboxes that are not
// `live` (by uid): workers, files, cgroups (of guests and of workers, in every
// file system of `cgroup_mounts`), sockets. What bears a name of ours is ours
// only where `store` knows the uid in it: another server's stays. Guests are the
// GuestFactory's. Blocks; before any sandbox is made.
Leftovers RemoveLeftovers(const StateDirectory& state, StateStore& store, const std::set<std::string>& live,
                          const std::vector<CgroupMount>& cgroup_mounts);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_LEFTOVERS_H_
