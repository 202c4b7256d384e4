#ifndef SLUICE_TESTS_E2E_LEAVINGS_H_
#define SLUICE_TESTS_E2E_LEAVINGS_H_

#include <set>
#include <string>

#include "tests/e2e/server_process.h"
#include "tests/lab/lab.h"

namespace sluice::e2e {

// Everything that sandboxes of a server could leave on the host, one line each:
// its processes and their namespaces, its descriptors, links and listening
// sockets of the lab's host, mounts, cgroups, files. Audit logs, which are kept
// for a while, are not among it. What others on the machine do does not show.
std::multiset<std::string> Leavings(const lab::Lab& lab, const ServerProcess& server);

// That there is again what was there before. A reader that has gone, the server's own
// included, may take a moment to be seen gone. Before, a client must have called the
// server: its connection is one more socket.
void ExpectLeavings(const lab::Lab& lab, const ServerProcess& server, const std::multiset<std::string>& before);

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_LEAVINGS_H_
