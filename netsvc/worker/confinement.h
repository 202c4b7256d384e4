#ifndef SLUICE_NETSVC_WORKER_CONFINEMENT_H_
#define SLUICE_NETSVC_WORKER_CONFINEMENT_H_

// Theory of operation: a worker parses what its guest sends, so a guest that
// finds a hole in it shall have won an empty room. Between the server's Configure
// and the first frame the worker gives up, in this order,
//
//     the file system   an empty root with two entries: /log, which is the audit
//                       log's directory, and /run for its own socket
//     limits            memory, descriptors, no processes, no core file
//     privileges        its own user and group, no capability, none to be had
//     system calls      an allow-list; the first other call ends the process
//
// docs/threat_model.md says what each wall stops.

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// What is left of the world.
struct Confined {
  UniqueFd log_directory;
  std::string run_directory;  // path
};

struct ConfinementOptions {
  uid_t uid = 0;  // of user and group; 0: they are kept
  UniqueFd log_directory;
  UniqueFd run_directory;
};

// Once, as root and with one thread. After an error the process must end: it is
// half confined.
absl::StatusOr<Confined> Confine(ConfinementOptions options);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_CONFINEMENT_H_
