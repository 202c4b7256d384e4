#ifndef SLUICE_SERVER_GUEST_OCI_RUNTIME_H_
#define SLUICE_SERVER_GUEST_OCI_RUNTIME_H_

#include <sys/types.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/guest/oci_config.h"
#include "server/guest/orphans.h"
#include "server/guest/run_program.h"

namespace sluice {

// Drives an OCI runtime by its command line (runc, or one that takes the same
// options). What it starts is detached, so no process of the runtime's stays; it
// becomes this process's own child where that is a subreaper, and what else the
// runtime leaves is reaped.
//
// With gVisor's runsc the container is a process of this host's, in which a kernel of
// its own runs the guest's: its network is what the namespace's interfaces were when it
// started, its files and processes are nobody else's to reach, and for each program
// that Start() starts another process stands, which ends as that does.
//
// Any thread. Calls block for kTimeout at most.
class OciRuntime {
 public:
  static constexpr absl::Duration kTimeout = absl::Seconds(20);

  struct Options {
    std::string program = "runc";  // a path, or a name on PATH
    std::string root;              // where the runtime keeps its state; absolute
  };

  // A process to run in a container, and its first three descriptors; or, with
  // a terminal, where that is handed over.
  struct Exec {
    std::string id;      // of the container
    std::string prefix;  // of the path of files that are needed meanwhile
    OciProcess process;
    std::string console_socket = {};  // a path; empty: no terminal
    int stdin_fd = -1;
    int stdout_fd = -1;
    int stderr_fd = -1;
  };

  // A process that it started, and which is to be waited for.
  struct Process {
    pid_t pid = 0;
    pid_t guest_pid = 0;  // in the guest's numbering; 0: not known
    Orphans::Claim claim;
  };

  explicit OciRuntime(Options options) : options_(std::move(options)), orphans_(Orphans::Create()) {}

  // FailedPrecondition, with one sentence for the operator, where the runtime
  // is missing or does not run. Before anything else: it asks which runtime it is.
  absl::Status CheckUsable();

  // Whatever its file's name; a script may stand before it.
  bool is_gvisor() const { return is_gvisor_; }

  // Makes a container of `bundle`, an absolute path, in the calling thread's
  // mount namespace, which is nobody else's, and starts it. `program` is its first argument, for errors
  // (see ExplainRuntimeError). Returns its first process. After a failure there
  // may be something for Delete.
  absl::StatusOr<Process> Run(const std::string& id, const std::string& bundle, const std::string& program) const;

  // Returns the process; errors as of ExplainRuntimeError.
  absl::StatusOr<Process> Start(const Exec& exec) const;

  // Starts to send a signal to the process group `group`, in the guest's numbering, as
  // the user of `process`. Returns the process that does it, for the caller to reap.
  absl::StatusOr<pid_t> StartSignal(const std::string& id, OciProcess process, pid_t group, int signal) const;

  // Kills what still runs and removes the container's state and cgroup. OK where
  // there is no such container.
  absl::Status Delete(const std::string& id) const;

  // Reaps what the runtime left and what has ended since.
  void ReapOrphans() const { orphans_->Reap(); }

  // Every container under the root.
  std::set<std::string> List() const;

  // The processes of a container, in this host's numbering. Not of gVisor's.
  absl::StatusOr<std::vector<pid_t>> Processes(const std::string& id) const;

  // Ends runtimes that an earlier server was running: before anything else, or
  // what they were about to do would be done later.
  void EndStrays() const;

 private:
  // The program with the options that come before its command. `log` may be
  // empty.
  HostProgram Command(const std::string& log, std::vector<std::string> args) const;
  // Runs a command that starts a process; `prefix` names its log and pid file.
  absl::StatusOr<Process> Launch(HostProgram command, const std::string& prefix, const std::string& program) const;
  // The second half of Run(), where the first only made the container.
  absl::Status StartCreated(const std::string& id, const std::string& prefix, const std::string& program) const;
  // Of the process `pid` of this host, which a launch with `prefix` started; 0 where it
  // cannot be told.
  pid_t PidInGuest(pid_t pid, const std::string& prefix) const;

  const Options options_;
  bool is_gvisor_ = false;
  bool is_crun_ = false;
  const std::shared_ptr<Orphans> orphans_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_OCI_RUNTIME_H_
