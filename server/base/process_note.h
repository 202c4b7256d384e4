#ifndef SLUICE_SERVER_BASE_PROCESS_NOTE_H_
#define SLUICE_SERVER_BASE_PROCESS_NOTE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"

// Which process is meant, for a server that comes later. A note is "PID START
// BOOT": the process's number, when it started in clock ticks since the boot, and
// the boot's id, which together tell it from any other that this machine ever ran.

namespace sluice {

// A process that runs. While the descriptor is open the number may come to mean
// another; the descriptor does not.
struct NotedProcess {
  pid_t pid = 0;
  UniqueFd pidfd;
};

absl::StatusOr<std::string> NoteOfProcess(pid_t pid);
// NotFound where the process has ended (a zombie has), or this is no note.
absl::StatusOr<NotedProcess> FindNotedProcess(absl::string_view note);

// Notes in files. Written in one step: whoever reads sees the old one or the new.
absl::Status WriteProcessNote(const std::string& path, pid_t pid);
// NotFound where there is no such file, too.
absl::StatusOr<NotedProcess> ReadProcessNote(const std::string& path);
// Kills the process and waits for its end. OK where it does not run.
absl::Status KillNotedProcess(const std::string& path, absl::Duration timeout);

}  // namespace sluice

#endif  // SLUICE_SERVER_BASE_PROCESS_NOTE_H_
