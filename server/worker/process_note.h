#ifndef SLUICE_SERVER_WORKER_PROCESS_NOTE_H_
#define SLUICE_SERVER_WORKER_PROCESS_NOTE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

// A note of which process belongs to a directory: its number, its start time
// and the boot that both count in, so that a number used again is told apart.

namespace sluice {

// Notes a running process in the file `path`.
absl::Status WriteProcessNote(const std::string& path, pid_t pid);

// Kills the process that the note speaks of and waits for its end. OK where
// there is no note or that process is gone; DeadlineExceeded where it does not
// end within `timeout`.
absl::Status KillNotedProcess(const std::string& path, absl::Duration timeout);

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_PROCESS_NOTE_H_
