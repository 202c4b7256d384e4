#ifndef SLUICE_SERVER_WORKER_NETSVC_LAUNCHER_H_
#define SLUICE_SERVER_WORKER_NETSVC_LAUNCHER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/cgroup.h"
#include "server/worker/child_process.h"
#include "server/worker/egress_backstop.h"
#include "server/worker/exit_watcher.h"
#include "server/worker/netsvc_worker.h"
#include "server/worker/worker.h"
#include "server/worker/worker_log.h"

namespace sluice {

// Files in a sandbox's directory.
inline constexpr char kWorkerSocket[] = "worker.sock";
inline constexpr char kWorkerNote[] = "worker.pid";

// Starts `sluice-netsvc --control_fd=3`. Theory of operation: the server makes
// the listening socket and passes it on as descriptor 3, then closes its own
// copy, so that the socket's path answers exactly as long as the worker lives:
// a server that starts later finds the worker there. The worker has a session of
// its own and outlives the server; worker.pid says which process it is. What it
// writes goes through a pipe into the log of the server that started it, and of no other.
class NetsvcLauncher : public WorkerLauncher {
 public:
  // From the start of the process to its answer.
  static constexpr absl::Duration kStartTimeout = absl::Seconds(10);

  // Where workers' cgroups are.
  struct Groups {
    // As EgressBackstop::FindHome says; empty: workers stand behind no second wall.
    std::string backstop_home = {};
    // Empty: workers have no CPU weight of their own.
    std::optional<CpuController> cpu = {};
  };
  // `program` is the worker's path.
  static absl::StatusOr<std::unique_ptr<NetsvcLauncher>> Make(const std::string& program, Groups groups);

  absl::StatusOr<std::unique_ptr<Worker>> Launch(const Options& options) override;
  absl::StatusOr<std::unique_ptr<Worker>> Adopt(const Options& options) override;

 private:
  NetsvcLauncher(std::string program, Groups groups, std::unique_ptr<ExitWatcher> exits,
                 std::unique_ptr<WorkerLog> log)
      : program_(std::move(program)), groups_(std::move(groups)), exits_(std::move(exits)), log_(std::move(log)) {}

  // The worker behind `process`, at the socket in its directory.
  absl::StatusOr<std::unique_ptr<NetsvcWorker>> Meet(std::unique_ptr<ChildProcess> process, const Options& options);
  // Each puts `process` into a cgroup, or returns null where there is none.
  absl::StatusOr<NetsvcWorker::Groups> MakeGroups(const std::string& directory, pid_t process) const;
  absl::StatusOr<std::unique_ptr<EgressBackstop>> MakeBackstop(const std::string& name, pid_t process) const;
  std::unique_ptr<Cgroup> MakeCpuGroup(const std::string& name, pid_t process) const;
  // Those of a worker that is gone: a server may be killed before it removes them.
  void RemoveGroups(const std::string& directory) const;

  const std::string program_;
  const Groups groups_;
  const std::unique_ptr<ExitWatcher> exits_;
  const std::unique_ptr<WorkerLog> log_;
};

// Ends the worker that an earlier server left in a sandbox's directory, where
// there is one.
absl::Status KillLeftoverWorker(const std::string& directory);

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_NETSVC_LAUNCHER_H_
