#ifndef SLUICE_SERVER_CORE_LEFTOVERS_H_
#define SLUICE_SERVER_CORE_LEFTOVERS_H_

#include <string>
#include <vector>

#include "server/core/state_directory.h"

namespace sluice {

// Ends the workers, and removes the files, of sandboxes that a server left when
// it was killed. Returns one sentence for each that could not be removed. Blocks;
// before any sandbox is made.
std::vector<std::string> RemoveLeftovers(const StateDirectory& state);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_LEFTOVERS_H_
