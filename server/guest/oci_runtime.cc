#include "server/guest/oci_runtime.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"
#include "nlohmann/json.hpp"
#include "server/base/process_status.h"
#include "server/guest/oci_error.h"

namespace sluice {
namespace {

constexpr size_t kMaxLog = 1 << 20;   // bytes
constexpr size_t kMaxPidFile = 32;    // bytes
constexpr size_t kMaxVersion = 4096;  // bytes
constexpr size_t kMaxPids = 1 << 20;  // bytes: 4 M processes are the kernel's limit, a container has far fewer
// After a container's name, in the names of runsc's files of it.
constexpr char kRunscSuffix[] = "_sandbox:";
// Holds env and arguments: nobody else's to read.
constexpr unsigned kPrivate = 0600;

std::string GuestPidFile(const std::string& prefix) { return absl::StrCat(prefix, ".guest-pid"); }

absl::StatusOr<pid_t> ReadPid(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxPidFile);
  if (!text.ok()) return text.status();
  pid_t pid;
  if (!absl::SimpleAtoi(*text, &pid) || pid <= 0) return absl::InternalError(absl::StrCat(path, " holds no pid"));
  return pid;
}

// What is written to it, from the beginning.
absl::StatusOr<std::string> ReadMemory(const UniqueFd& memory, size_t limit) {
  return ReadFile(absl::StrCat("/proc/self/fd/", memory.get()), limit);
}

// runsc takes a namespace with /proc/sys/net/core/rmem_default for the host's own and
// refuses to take over its interfaces; newer kernels show that in every namespace.
absl::Status HideNetworkSettings() {
  if (mount("tmpfs", "/proc/sys/net", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(errno, "hide /proc/sys/net from the OCI runtime");
}

}  // namespace

HostProgram OciRuntime::Command(const std::string& log, std::vector<std::string> args) const {
  HostProgram command{.program = options_.program, .args = {"--root", options_.root}};
  if (!log.empty()) command.args.insert(command.args.end(), {"--log", log, "--log-format", "json"});
  command.args.insert(command.args.end(), args.begin(), args.end());
  return command;
}

absl::Status OciRuntime::CheckUsable() {
  const UniqueFd out(memfd_create("version", MFD_CLOEXEC));
  if (!out.valid()) return ErrnoError(errno, "memfd_create");
  const absl::StatusOr<ProcessExit> exit =
      RunProgram({.program = options_.program, .args = {"--version"}, .stdout_fd = out.get()}, kTimeout);
  if (absl::IsNotFound(exit.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("the OCI runtime ", options_.program, " is not there: install it or name another"));
  }
  if (!exit.ok()) return absl::FailedPreconditionError(exit.status().message());
  if (*exit != ProcessExit{}) {
    return absl::FailedPreconditionError(absl::StrCat("the OCI runtime ", options_.program, " --version fails"));
  }
  const absl::StatusOr<std::string> version = ReadMemory(out, kMaxVersion);
  is_gvisor_ = version.ok() && absl::StartsWith(*version, "runsc version");
  is_crun_ = version.ok() && absl::StartsWith(*version, "crun version");
  return version.status();
}

absl::StatusOr<OciRuntime::Process> OciRuntime::Launch(HostProgram command, const std::string& prefix,
                                         const std::string& program) const {
  const std::string log = absl::StrCat(prefix, ".log");
  const std::string pid_file = absl::StrCat(prefix, ".pid");
  const absl::Cleanup remove_files = [&] {
    for (const std::string& file : {log, pid_file, GuestPidFile(prefix)}) unlink(file.c_str());
  };
  const Orphans::Launch launch(*orphans_);
  const absl::StatusOr<ProcessExit> exit = RunProgram(command, kTimeout);
  const absl::StatusOr<pid_t> pid = ReadPid(pid_file);
  if (exit.ok() && *exit == ProcessExit{}) {
    if (!pid.ok()) return pid.status();
    return Process{.pid = *pid, .guest_pid = PidInGuest(*pid, prefix), .claim = orphans_->ClaimChild(*pid)};
  }
  // It may have started the process all the same, and left it to this one.
  if (pid.ok()) KillChild(*pid);
  if (!exit.ok()) return exit.status();
  return ExplainRuntimeError(ReadFile(log, kMaxLog).value_or(""), program);
}

pid_t OciRuntime::PidInGuest(pid_t pid, const std::string& prefix) const {
  if (is_gvisor_) return ReadPid(GuestPidFile(prefix)).value_or(0);
  // In its own, innermost pid namespace.
  return static_cast<pid_t>(ProcessStatusNumber(pid, "NSpid").value_or(0));
}

absl::StatusOr<OciRuntime::Process> OciRuntime::Run(const std::string& id, const std::string& bundle,
                                      const std::string& program) const {
  if (is_gvisor_) {
    if (const absl::Status status = HideNetworkSettings(); !status.ok()) return status;
  }
  const std::string prefix = absl::StrCat(bundle, "/run");
  std::vector<std::string> args = {"--bundle", bundle, "--pid-file", absl::StrCat(prefix, ".pid"), id};
  // crun reaps what ends before it does itself, and tells nobody how: it is to be gone
  // by then.
  if (is_crun_) {
    args.insert(args.begin(), "create");
  } else {
    args.insert(args.begin(), {"run", "--detach"});
  }
  absl::StatusOr<Process> process = Launch(Command(absl::StrCat(prefix, ".log"), std::move(args)), prefix, program);
  if (!process.ok() || !is_crun_) return process;
  absl::Status started = StartCreated(id, prefix, program);
  if (started.ok()) return process;
  KillChild(process->pid);
  return started;
}

absl::Status OciRuntime::StartCreated(const std::string& id, const std::string& prefix,
                                      const std::string& program) const {
  const std::string log = absl::StrCat(prefix, ".log");
  const absl::Cleanup remove_log = [&] { unlink(log.c_str()); };
  const absl::StatusOr<ProcessExit> exit = RunProgram(Command(log, {"start", id}), kTimeout);
  if (!exit.ok()) return exit.status();
  if (*exit == ProcessExit{}) return absl::OkStatus();
  return ExplainRuntimeError(ReadFile(log, kMaxLog).value_or(""), program);
}

absl::StatusOr<OciRuntime::Process> OciRuntime::Start(const Exec& exec) const {
  const std::string process_file = absl::StrCat(exec.prefix, ".json");
  const absl::Cleanup remove_file = [&] { unlink(process_file.c_str()); };
  const absl::Status status = WriteFile(process_file, OciProcessJson(exec.process), kPrivate);
  if (!status.ok()) return status;
  std::vector<std::string> args = {"exec", "--detach", "--process", process_file, "--pid-file",
                                   absl::StrCat(exec.prefix, ".pid")};
  if (!exec.console_socket.empty()) args.insert(args.end(), {"--console-socket", exec.console_socket});
  if (is_gvisor_) args.insert(args.end(), {"--internal-pid-file", GuestPidFile(exec.prefix)});
  args.push_back(exec.id);
  HostProgram command = Command(absl::StrCat(exec.prefix, ".log"), std::move(args));
  command.stdin_fd = exec.stdin_fd;
  command.stdout_fd = exec.stdout_fd;
  command.stderr_fd = exec.stderr_fd;
  return Launch(std::move(command), exec.prefix, exec.process.args.front());
}

absl::StatusOr<pid_t> OciRuntime::StartSignal(const std::string& id, OciProcess process, pid_t group,
                                              int signal) const {
  process.args = {OciContainer::kInitPath, absl::StrCat(signal), absl::StrCat(group)};
  process.working_directory.clear();
  process.terminal.reset();
  const UniqueFd file(memfd_create("process", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "memfd_create");
  if (const absl::Status status = WriteAll(file.get(), OciProcessJson(process)); !status.ok()) return status;
  HostProgram command = Command("", {"exec", "--process", "/dev/fd/3", id});
  command.more_fds = {file.get()};
  return StartProgram(command);
}

absl::Status OciRuntime::Delete(const std::string& id) const {
  if (!List().contains(id)) return absl::OkStatus();
  // runsc's waits until a process of its own, which it left to this one, was reaped.
  const absl::StatusOr<ProcessExit> exit =
      RunProgram(Command("", {"delete", "--force", id}), kTimeout, [this] { ReapOrphans(); });
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
  const absl::StatusOr<std::string> text = ReadMemory(out, kMaxPids);
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

std::set<std::string> OciRuntime::List() const {
  std::set<std::string> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.root, error)) {
    const std::string name = entry.path().filename();
    ids.insert(name.substr(0, name.find(kRunscSuffix)));
  }
  return ids;
}

}  // namespace sluice
