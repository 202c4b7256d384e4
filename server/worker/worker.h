#ifndef SLUICE_SERVER_WORKER_WORKER_H_
#define SLUICE_SERVER_WORKER_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/policy/rule.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// A sandbox's worker process, as the server sees it. Calls block until the
// worker has answered, for some seconds at most; any thread may make them, and
// they take turns.
//
// Errors: what the worker says (a FieldError where it names a field), or
// Unavailable where it is gone. A worker that does not answer in time is killed:
// nobody knows any more what it enforces.
class Worker {
 public:
  // Kills the process where it still runs, and waits for its end. After Leave()
  // it does nothing.
  virtual ~Worker() = default;
  // The process goes on without this object, for a later server to adopt.
  // Nothing else is called from now on.
  virtual void Leave() = 0;

  // Once, before everything else. The directories stay the worker's.
  virtual absl::Status Configure(const internal::v1::Configure& config, UniqueFd audit_directory,
                                 UniqueFd socket_directory) = 0;
  // In place of Configure, for a worker that was adopted: brings it to `config`
  // where it is not there. Returns whether the policy in force was another.
  // FailedPrecondition where it is another sandbox's, or was never configured.
  virtual absl::StatusOr<bool> Resume(const internal::v1::Configure& config, bool keep_open_flows) = 0;
  // What an adopted worker holds, in duplicates. NotFound where no link is attached.
  virtual absl::StatusOr<UniqueFd> GetLink() = 0;
  struct HeldPort {
    v1::PortMapping mapping;
    UniqueFd socket;
  };
  // Unavailable where it says that it holds more than any does, or takes longer to tell
  // of all than of anything else; then it is killed.
  virtual absl::StatusOr<std::vector<HeldPort>> GetPorts() = 0;

  // Returns the number of flows that the new policy ended, once it is in force.
  virtual absl::StatusOr<uint64_t> SetPolicy(const v1::NetworkPolicy& policy, uint64_t generation,
                                             bool keep_open_flows) = 0;
  // The same for the operator's floor, which ParseFloor takes.
  virtual absl::StatusOr<uint64_t> SetFloor(const policy::RuleProtos& rules) = 0;
  // As EvaluatePolicy.
  virtual absl::StatusOr<internal::v1::EvaluateResult> Evaluate(const internal::v1::Evaluate& question) = 0;
  virtual absl::StatusOr<internal::v1::RuleStatsResult> GetRuleStats() = 0;
  // The worker gets a duplicate of `socket`.
  virtual absl::Status AddPort(const v1::PortMapping& port, const UniqueFd& socket) = 0;
  // Returns the number of flows that it ended.
  virtual absl::StatusOr<uint64_t> RemovePort(const v1::PortMapping& port) = 0;
  // What of the host and the server is another one now.
  virtual absl::Status SetHost(const internal::v1::SetHost& host) = 0;
  virtual absl::Status SetNameservers(const std::vector<Endpoint>& nameservers) = 0;
  // The settings are in force when it returns.
  virtual absl::Status Update(const internal::v1::UpdateNetwork& update) = 0;
  struct BlockList {
    std::string name;
    int image = -1;  // a sealed memfd, of which the worker gets a duplicate
  };
  // Ahead of the Configure that names them, and again where one has changed: in
  // force for the next query when it returns. At most kMaxDescriptors.
  virtual absl::Status SetBlockLists(const std::vector<BlockList>& lists) = 0;
  // What it has counted, and how its log is; nothing in it that no worker says.
  virtual absl::StatusOr<internal::v1::StatsResult> GetStats(uint32_t top_remotes) = 0;
  // Captures from now on. Returns the socket to read from: SOCK_SEQPACKET, whole
  // pcapng blocks a message. Closing it ends the capture.
  virtual absl::StatusOr<UniqueFd> StartCapture(const internal::v1::StartCapture& request) = 0;
  virtual absl::Status RecordEvent(const v1::LifecycleEvent& event) = 0;
  virtual absl::Status AttachLink(UniqueFd tap) = 0;
  virtual absl::Status DetachLink() = 0;
  // Ends every flow, writes `last` as the log's last event, and returns when
  // the process has ended, if need be by a kill.
  virtual void Shutdown(const v1::LifecycleEvent& last) = 0;
};

// Starts workers. Any thread.
class WorkerLauncher {
 public:
  struct Options {
    // Of the sandbox, absolute, there already: the worker's socket and the note
    // of its process stand in it.
    std::string directory;
    // Runs once where the process ends before the Worker was shut down or
    // destroyed, with a sentence about how. On a thread of the launcher's: it
    // must not block. Never after the Worker is destroyed.
    std::function<void(const std::string& how)> on_exit;
  };

  virtual ~WorkerLauncher() = default;

  // A worker that runs and has answered, but knows of no sandbox yet. The
  // launcher outlives it.
  virtual absl::StatusOr<std::unique_ptr<Worker>> Launch(const Options& options) = 0;
  // The worker that an earlier server left in the directory. NotFound where none
  // runs; FailedPrecondition where it speaks no version of the protocol that this
  // server does. After an error none runs.
  virtual absl::StatusOr<std::unique_ptr<Worker>> Adopt(const Options& options) = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_WORKER_H_
