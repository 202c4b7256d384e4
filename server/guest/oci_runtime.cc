#include "server/guest/oci_runtime.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "server/guest/oci_error.h"

namespace sluice {
namespace {

constexpr size_t kMaxLog = 1 << 20;  // bytes
constexpr size_t kMaxPidFile = 32;   // bytes
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

std::vector<std::string> OciRuntime::List() const {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.root, error)) {
    ids.push_back(entry.path().filename());
  }
  return ids;
}

}  // namespace sluice
