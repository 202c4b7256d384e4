#ifndef SLUICE_SERVER_BASE_PROCESS_STATUS_H_
#define SLUICE_SERVER_BASE_PROCESS_STATUS_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice {

// The last number in the line of /proc/PID/status that begins with `name` and a
// colon (proc_pid_status(5)). NotFound where there is no such process.
absl::StatusOr<int64_t> ProcessStatusNumber(pid_t pid, absl::string_view name);

// Kills every process whose command line (its arguments, a NUL after each) contains
// `part`, and waits for the end of each, for `timeout` at most.
void KillByCommandLine(absl::string_view part, absl::Duration timeout);

}  // namespace sluice

#endif  // SLUICE_SERVER_BASE_PROCESS_STATUS_H_
