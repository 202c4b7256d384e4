#ifndef SLUICE_SERVER_ACCESS_METHOD_TABLE_H_
#define SLUICE_SERVER_ACCESS_METHOD_TABLE_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "server/access/caller.h"

namespace sluice {

// The least role that may call the method at `path` ("/sluice.v1.SandboxService/
// GetSandbox"). Nothing for a method that the table does not have: nobody may.
std::optional<Role> LeastRole(absl::string_view path);

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_METHOD_TABLE_H_
