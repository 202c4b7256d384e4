#ifndef SLUICE_SERVER_CORE_LEFTOVERS_H_
#define SLUICE_SERVER_CORE_LEFTOVERS_H_

#include <string>
#include <vector>

#include "server/core/state_directory.h"

namespace sluice {

// Ends the workers, and removes the files, of sandboxes that a server left when
// it was killed. Returns one sentence for each that could not be removed. Blocks;
// before any sandbox is made. `backstop_home` as EgressBackstop::FindHome says;
// empty: there is none.
std::vector<std::string> RemoveLeftovers(const StateDirectory& state, const std::string& backstop_home);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_LEFTOVERS_H_
