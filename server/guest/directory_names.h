#ifndef SLUICE_SERVER_GUEST_DIRECTORY_NAMES_H_
#define SLUICE_SERVER_GUEST_DIRECTORY_NAMES_H_

#include <functional>

#include "absl/status/status.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Tells every name in a directory but "." and "..", in no order, until `visit`
// fails; then its status. `fd` is open for reading. Blocks.
absl::Status ForEachName(UniqueFd fd, const std::function<absl::Status(const char* name)>& visit);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_DIRECTORY_NAMES_H_
