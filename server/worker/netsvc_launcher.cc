#include "server/worker/netsvc_launcher.h"

#include <unistd.h>

#include <filesystem>
#include <utility>

#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"
#include "server/base/process_note.h"
#include "server/worker/child_process.h"
#include "server/worker/unix_socket.h"
#include "server/worker/worker_client.h"

namespace sluice {
namespace {

// How long a process that closed its socket may take to be gone.
constexpr absl::Duration kLastBreath = absl::Milliseconds(500);

// What to say of a worker that did not come up: how it ended says more than that the
// connection broke. It is gone then, and its cgroups can be removed.
absl::Status StartError(ChildProcess& process, const absl::Status& status) {
  if (!process.WaitFor(kLastBreath)) {
    process.Kill();
    process.WaitFor(NetsvcWorker::kExitTimeout);
    return status;
  }
  return absl::InternalError(absl::StrCat("the worker process ", process.HowItEnded(), " as it started"));
}

// Of the sandbox whose worker is in `directory`: its name.
std::string SandboxUid(const std::string& directory) { return std::filesystem::path(directory).filename().string(); }

std::string GroupName(const std::string& directory) { return WorkerCgroup(SandboxUid(directory)); }

}  // namespace

absl::StatusOr<std::unique_ptr<NetsvcLauncher>> NetsvcLauncher::Make(const std::string& program, Groups groups) {
  if (access(program.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("the worker program ", program, " is not there; see --netsvc"));
  }
  absl::StatusOr<std::unique_ptr<ExitWatcher>> exits = ExitWatcher::Start();
  if (!exits.ok()) return exits.status();
  absl::StatusOr<std::unique_ptr<WorkerLog>> log =
      WorkerLog::Start([](const std::string& line) { spdlog::warn("{}", line); });
  if (!log.ok()) return log.status();
  // It is started from another directory.
  const std::string absolute = std::filesystem::absolute(program);
  return std::unique_ptr<NetsvcLauncher>(
      new NetsvcLauncher(absolute, std::move(groups), *std::move(exits), *std::move(log)));
}

absl::StatusOr<NetsvcWorker::Groups> NetsvcLauncher::MakeGroups(const std::string& directory, pid_t process) const {
  const std::string name = GroupName(directory);
  absl::StatusOr<std::unique_ptr<EgressBackstop>> backstop = MakeBackstop(name, process);
  if (!backstop.ok()) return backstop.status();
  return NetsvcWorker::Groups{.backstop = *std::move(backstop), .cpu = MakeCpuGroup(name, process)};
}

std::unique_ptr<Cgroup> NetsvcLauncher::MakeCpuGroup(const std::string& name, pid_t process) const {
  if (!groups_.cpu) return nullptr;
  absl::StatusOr<std::unique_ptr<Cgroup>> group = groups_.cpu->MakeGroup(name);
  const absl::Status status = group.ok() ? (*group)->Add(process) : group.status();
  if (status.ok()) return *std::move(group);
  // Others' latency is worth a line, not a sandbox.
  spdlog::warn("a worker has no CPU weight of its own: {}", std::string(status.message()));
  return nullptr;
}

absl::StatusOr<std::unique_ptr<EgressBackstop>> NetsvcLauncher::MakeBackstop(const std::string& name,
                                                                             pid_t process) const {
  if (groups_.backstop_home.empty()) return nullptr;
  absl::StatusOr<std::unique_ptr<EgressBackstop>> backstop = EgressBackstop::Create(groups_.backstop_home, name);
  if (!backstop.ok()) return backstop;
  const absl::Status added = (*backstop)->Add(process);
  if (!added.ok()) return added;
  return backstop;
}

void NetsvcLauncher::RemoveGroups(const std::string& directory) const {
  const std::string name = GroupName(directory);
  // Taken over, and let go of.
  if (!groups_.backstop_home.empty()) EgressBackstop::Create(groups_.backstop_home, name).IgnoreError();
  if (groups_.cpu) groups_.cpu->MakeGroup(name).IgnoreError();
}

absl::StatusOr<std::unique_ptr<Worker>> NetsvcLauncher::Launch(const Options& options) {
  absl::StatusOr<UniqueFd> listener = ListenUnix(options.directory, kWorkerSocket);
  if (!listener.ok()) return listener.status();
  absl::StatusOr<WorkerLog::Pipe> log = log_->Open(SandboxUid(options.directory));
  if (!log.ok()) return log.status();
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      {.program = program_, .args = {"--control_fd=3"}, .descriptor = *listener, .output = log->write_end});
  if (!process.ok()) return process.status();
  log->write_end.reset();
  // The worker's alone from here on: where it dies unmet, whoever connects is told at
  // once, instead of waiting in the backlog.
  listener->reset();
  const absl::Status noted = WriteProcessNote(absl::StrCat(options.directory, "/", kWorkerNote), (*process)->pid());
  if (!noted.ok()) return StartError(**process, noted);
  absl::StatusOr<std::unique_ptr<NetsvcWorker>> worker = Meet(*std::move(process), options);
  if (worker.ok()) (*worker)->SetLog(std::move(log->source));
  return worker;
}

absl::StatusOr<std::unique_ptr<Worker>> NetsvcLauncher::Adopt(const Options& options) {
  absl::StatusOr<NotedProcess> process = ReadProcessNote(absl::StrCat(options.directory, "/", kWorkerNote));
  if (!process.ok()) {
    RemoveGroups(options.directory);
    return process.status();
  }
  return Meet(ChildProcess::Adopt(process->pid, std::move(process->pidfd)), options);
}

absl::StatusOr<std::unique_ptr<NetsvcWorker>> NetsvcLauncher::Meet(std::unique_ptr<ChildProcess> process,
                                                                   const Options& options) {
  // Ahead of the first socket of a worker that has just started.
  absl::StatusOr<NetsvcWorker::Groups> groups = MakeGroups(options.directory, process->pid());
  if (!groups.ok()) return StartError(*process, groups.status());
  absl::StatusOr<UniqueFd> socket = ConnectUnix(options.directory, kWorkerSocket);
  if (!socket.ok()) return StartError(*process, socket.status());
  absl::StatusOr<std::unique_ptr<WorkerClient>> client = WorkerClient::Greet(*std::move(socket), kStartTimeout);
  if (!client.ok()) return StartError(*process, client.status());

  ChildProcess& child = *process;
  auto worker = std::make_unique<NetsvcWorker>(std::move(process), *std::move(client), *std::move(groups));
  absl::StatusOr<std::unique_ptr<ExitWatcher::Watch>> watch =
      exits_->Add(child.pidfd(), [on_exit = options.on_exit, &child] {
        on_exit(absl::StrCat("the worker process ", child.HowItEnded()));
      });
  if (!watch.ok()) return watch.status();
  worker->SetExitWatch(*std::move(watch));
  return worker;
}

absl::Status KillLeftoverWorker(const std::string& directory) {
  return KillNotedProcess(absl::StrCat(directory, "/", kWorkerNote), NetsvcWorker::kExitTimeout);
}

}  // namespace sluice
