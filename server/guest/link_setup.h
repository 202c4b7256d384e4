#ifndef SLUICE_SERVER_GUEST_LINK_SETUP_H_
#define SLUICE_SERVER_GUEST_LINK_SETUP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/guest/link_config.h"

namespace sluice {

// Both act in the calling thread's network namespace, over rtnetlink.

// Gives the interface `config.name` its MAC, MTU and addresses, sets it up and
// points the default routes at the gateways. Nothing that it hears on the link
// configures it: router advertisements and duplicate address detection are off.
// IPv4 alone where the kernel has no IPv6. AlreadyExists where the namespace has
// a default route.
absl::Status SetUpLink(const LinkConfig& config);

// The interface's alias: LinkConfig::owner. NotFound where there is none of that
// name.
absl::StatusOr<std::string> OwnerOfLink(const std::string& name);

// OK where there is none of that name.
absl::Status RemoveLink(const std::string& name);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_LINK_SETUP_H_
