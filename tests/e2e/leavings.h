#ifndef SLUICE_TESTS_E2E_LEAVINGS_H_
#define SLUICE_TESTS_E2E_LEAVINGS_H_

#include <set>
#include <string>

#include "absl/time/time.h"
#include "tests/e2e/server_process.h"
#include "tests/lab/lab.h"

namespace sluice::e2e {

// Everything that sandboxes of a server could leave on the host, one line each:
// its processes and their namespaces, its descriptors, links and listening
// sockets of the lab's host, mounts, cgroups, files. Audit logs, which are kept
// for a while, are not among it. What others on the machine do does not show.
std::multiset<std::string> Leavings(const lab::Lab& lab, const ServerProcess& server);

// What is left beside `before`, or missing ("+ LINE", "- LINE"), once there is nothing
// of that kind or `patience` is over: connections end in their own time.
std::string NewLeavings(const lab::Lab& lab, const ServerProcess& server, const std::multiset<std::string>& before,
                        absl::Duration patience = absl::Seconds(10));

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_LEAVINGS_H_
