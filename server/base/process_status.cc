#include "server/base/process_status.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

constexpr size_t kMaxStatus = 64 << 10;  // bytes
// Bytes; longer ones are none of ours.
constexpr size_t kMaxCommandLine = 1 << 20;

}  // namespace

absl::StatusOr<int64_t> ProcessStatusNumber(pid_t pid, absl::string_view name) {
  const absl::StatusOr<std::string> status = ReadFile(absl::StrCat("/proc/", pid, "/status"), kMaxStatus);
  if (!status.ok()) return status.status();
  const std::string start = absl::StrCat(name, ":");
  for (const absl::string_view line : absl::StrSplit(*status, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, '\t');
    int64_t number;
    if (words.front() == start && absl::SimpleAtoi(words.back(), &number)) return number;
  }
  return absl::InternalError(absl::StrCat("/proc/", pid, "/status has no ", name));
}

void KillByCommandLine(absl::string_view part, absl::Duration timeout) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    pid_t pid;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    // The descriptor first: afterwards the number cannot come to mean another.
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    const absl::StatusOr<std::string> command = ReadFile(absl::StrCat(entry.path().string(), "/cmdline"), kMaxCommandLine);
    if (!pidfd.valid() || !command.ok() || !absl::StrContains(*command, part)) continue;
    syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
    pollfd end{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    poll(&end, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  }
}

}  // namespace sluice
