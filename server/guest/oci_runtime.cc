#include "server/guest/oci_runtime.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"
#include "nlohmann/json.hpp"
#include "server/base/process_status.h"
#include "server/guest/oci_error.h"

namespace sluice {
namespace {

constexpr size_t kMaxLog = 1 << 20;  // bytes
constexpr size_t kMaxPidFile = 32;   // bytes
constexpr size_t kMaxPids = 1 << 20;  // bytes: 4 M processes are the kernel's limit, a container has far fewer
// Holds env and arguments: nobody else's to read.
constexpr unsigned kPrivate = 0600;

absl::StatusOr<pid_t> ReadPid(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxPidFile);
  if (!text.ok()) return text.status();
  pid_t pid;
  if (!absl::SimpleAtoi(*text, &pid) || pid <= 0) return absl::InternalError(absl::StrCat(path, " holds no pid"));
  return pid;
}

}  // namespace

HostProgram OciRuntime::Command(const std::string& log, std::vector<std::string> args) const {
  HostProgram command{.program = options_.program, .args = {"--root", options_.root}};
  if (!log.empty()) command.args.insert(command.args.end(), {"--log", log, "--log-format", "json"});
  command.args.insert(command.args.end(), args.begin(), args.end());
  return command;
}

absl::Status OciRuntime::CheckUsable() const {
  const absl::StatusOr<ProcessExit> exit = RunProgram({.program = options_.program, .args = {"--version"}}, kTimeout);
  if (absl::IsNotFound(exit.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("the OCI runtime ", options_.program, " is not there: install it or name another"));
  }
  if (!exit.ok()) return absl::FailedPreconditionError(exit.status().message());
  if (*exit != ProcessExit{}) {
    return absl::FailedPreconditionError(absl::StrCat("the OCI runtime ", options_.program, " --version fails"));
  }
  return absl::OkStatus();
}

absl::StatusOr<OciRuntime::Process> OciRuntime::Launch(HostProgram command, const std::string& prefix,
                                         const std::string& program) const {
  const std::string log = absl::StrCat(prefix, ".log");
  const std::string pid_file = absl::StrCat(prefix, ".pid");
  const absl::Cleanup remove_files = [&] {
    unlink(log.c_str());
    unlink(pid_file.c_str());
  };
  const Orphans::Launch launch(*orphans_);
  const absl::StatusOr<ProcessExit> exit = RunProgram(command, kTimeout);
  const absl::StatusOr<pid_t> pid = ReadPid(pid_file);
  if (exit.ok() && *exit == ProcessExit{}) {
    if (!pid.ok()) return pid.status();
    return Process{.pid = *pid, .claim = orphans_->ClaimChild(*pid)};
  }
  // It may have started the process all the same, and left it to this one.
  if (pid.ok()) KillChild(*pid);
  if (!exit.ok()) return exit.status();
  return ExplainRuntimeError(ReadFile(log, kMaxLog).value_or(""), program);
}

absl::StatusOr<OciRuntime::Process> OciRuntime::Run(const std::string& id, const std::string& bundle,
                                      const std::string& program) const {
  const std::string prefix = absl::StrCat(bundle, "/run");
  return Launch(Command(absl::StrCat(prefix, ".log"), {"run", "--detach", "--bundle", bundle, "--pid-file",
                                                       absl::StrCat(prefix, ".pid"), id}),
                prefix, program);
}

absl::StatusOr<OciRuntime::Process> OciRuntime::Start(const Exec& exec) const {
  const std::string process_file = absl::StrCat(exec.prefix, ".json");
  const absl::Cleanup remove_file = [&] { unlink(process_file.c_str()); };
  const absl::Status status = WriteFile(process_file, OciProcessJson(exec.process), kPrivate);
  if (!status.ok()) return status;
  std::vector<std::string> args = {"exec", "--detach", "--process", process_file, "--pid-file",
                                   absl::StrCat(exec.prefix, ".pid")};
  if (!exec.console_socket.empty()) args.insert(args.end(), {"--tty", "--console-socket", exec.console_socket});
  args.push_back(exec.id);
  HostProgram command = Command(absl::StrCat(exec.prefix, ".log"), std::move(args));
  command.stdin_fd = exec.stdin_fd;
  command.stdout_fd = exec.stdout_fd;
  command.stderr_fd = exec.stderr_fd;
  return Launch(std::move(command), exec.prefix, exec.process.args.front());
}

absl::Status OciRuntime::Delete(const std::string& id) const {
  std::error_code error;
  if (!std::filesystem::exists(absl::StrCat(options_.root, "/", id), error)) return absl::OkStatus();
  const absl::StatusOr<ProcessExit> exit = RunProgram(Command("", {"delete", "--force", id}), kTimeout);
  if (!exit.ok()) return exit.status();
  if (*exit == ProcessExit{}) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(options_.program, " could not remove the container ", id));
}

absl::StatusOr<std::vector<pid_t>> OciRuntime::Processes(const std::string& id) const {
  const UniqueFd out(memfd_create("pids", MFD_CLOEXEC));
  if (!out.valid()) return ErrnoError(errno, "memfd_create");
  HostProgram command = Command("", {"ps", "--format", "json", id});
  command.stdout_fd = out.get();
  const absl::StatusOr<ProcessExit> exit = RunProgram(command, kTimeout);
  if (!exit.ok()) return exit.status();
  const absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/self/fd/", out.get()), kMaxPids);
  if (!text.ok()) return text.status();
  const nlohmann::json pids = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  std::vector<pid_t> processes;
  for (const nlohmann::json& pid : pids) {
    if (pid.is_number_integer()) processes.push_back(pid.get<pid_t>());
  }
  if (*exit == ProcessExit{} && pids.is_array()) return processes;
  return absl::InternalError(absl::StrCat(options_.program, " does not tell the processes of ", id));
}

void OciRuntime::EndStrays() const {
  // As Command() makes it: the program, "--root", the root.
  const std::string ours = absl::StrCat(std::string("\0--root\0", 8), options_.root, std::string(1, '\0'));
  KillByCommandLine(ours, kTimeout);
}

std::vector<std::string> OciRuntime::List() const {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.root, error)) {
    ids.push_back(entry.path().filename());
  }
  return ids;
}

}  // namespace sluice
