#include "server/base/process_note.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr size_t kMaxNote = 4096;  // bytes; of /proc/PID/stat too
constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
// proc_pid_stat(5): the 22nd field, counted here from the one after the name.
constexpr size_t kStartTimeAfterName = 19;

bool HasEnded(const UniqueFd& pidfd, absl::Duration timeout) {
  pollfd fd{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) > 0;
}

}  // namespace

absl::StatusOr<std::string> NoteOfProcess(pid_t pid) {
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

absl::StatusOr<NotedProcess> FindNotedProcess(absl::string_view note) {
  const absl::Status gone = absl::NotFoundError("the process has ended");
  pid_t pid;
  if (!absl::SimpleAtoi(note.substr(0, note.find(' ')), &pid) || pid <= 0) return gone;
  // The descriptor first, the question whose it is second: afterwards the number
  // cannot come to mean another.
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return errno == ESRCH ? gone : ErrnoError(errno, "pidfd_open");
  const absl::StatusOr<std::string> is = NoteOfProcess(pid);
  if (!is.ok() || *is != note || HasEnded(pidfd, absl::ZeroDuration())) return gone;
  return NotedProcess{.pid = pid, .pidfd = std::move(pidfd)};
}

absl::Status WriteProcessNote(const std::string& path, pid_t pid) {
  const absl::StatusOr<std::string> note = NoteOfProcess(pid);
  if (!note.ok()) return note.status();
  const std::string whole = absl::StrCat(path, ".new");
  const absl::Status written = WriteFile(whole, *note, 0600);
  if (!written.ok()) return written;
  return rename(whole.c_str(), path.c_str()) == 0 ? absl::OkStatus() : ErrnoError(errno, absl::StrCat("write ", path));
}

absl::StatusOr<NotedProcess> ReadProcessNote(const std::string& path) {
  const absl::StatusOr<std::string> note = ReadFile(path, kMaxNote);
  if (!note.ok()) return note.status();
  return FindNotedProcess(*note);
}

absl::Status KillNotedProcess(const std::string& path, absl::Duration timeout) {
  const absl::StatusOr<NotedProcess> process = ReadProcessNote(path);
  if (absl::IsNotFound(process.status())) return absl::OkStatus();
  if (!process.ok()) return process.status();
  if (syscall(SYS_pidfd_send_signal, process->pidfd.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) {
    return ErrnoError(errno, absl::StrCat("kill process ", process->pid));
  }
  if (HasEnded(process->pidfd, timeout)) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("process ", process->pid, " does not end"));
}

}  // namespace sluice
