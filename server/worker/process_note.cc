#include "server/worker/process_note.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

constexpr size_t kMaxNote = 4096;  // bytes; of /proc/PID/stat too
constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
// proc_pid_stat(5): the 22nd field, counted here from the one after the name.
constexpr size_t kStartTimeAfterName = 19;

// What tells a process from any other that this machine ever ran.
absl::StatusOr<std::string> Identity(pid_t pid) {
  const absl::StatusOr<std::string> stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"), kMaxNote);
  if (!stat.ok()) return stat.status();
  // The name may have spaces and parentheses in it; what follows the last ") "
  // does not.
  const size_t name_end = stat->rfind(") ");
  if (name_end == std::string::npos) return absl::InternalError("/proc/PID/stat makes no sense");
  const std::vector<std::string> fields = absl::StrSplit(stat->substr(name_end + 2), ' ');
  if (fields.size() <= kStartTimeAfterName) return absl::InternalError("/proc/PID/stat is short");
  const absl::StatusOr<std::string> boot = ReadFile(kBootId, kMaxNote);
  if (!boot.ok()) return boot.status();
  return absl::StrCat(pid, " ", fields[kStartTimeAfterName], " ", absl::StripAsciiWhitespace(*boot));
}

}  // namespace

absl::Status WriteProcessNote(const std::string& path, pid_t pid) {
  const absl::StatusOr<std::string> identity = Identity(pid);
  if (!identity.ok()) return identity.status();
  return WriteFile(path, *identity, 0600);
}

absl::Status KillNotedProcess(const std::string& path, absl::Duration timeout) {
  const absl::StatusOr<std::string> note = ReadFile(path, kMaxNote);
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  if (!note.ok()) return note.status();
  pid_t pid;
  const std::vector<std::string> words = absl::StrSplit(*note, ' ');
  if (!absl::SimpleAtoi(words[0], &pid) || pid <= 0) return absl::OkStatus();
  // The descriptor first, the question whose it is second: afterwards the number
  // cannot come to mean another.
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return errno == ESRCH ? absl::OkStatus() : ErrnoError(errno, "pidfd_open");
  const absl::StatusOr<std::string> identity = Identity(pid);
  if (!identity.ok() || *identity != *note) return absl::OkStatus();
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) {
    return ErrnoError(errno, absl::StrCat("kill process ", pid));
  }
  pollfd fd{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  if (poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) > 0) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("process ", pid, " does not end"));
}

}  // namespace sluice
