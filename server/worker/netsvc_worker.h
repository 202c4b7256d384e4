#ifndef SLUICE_SERVER_WORKER_NETSVC_WORKER_H_
#define SLUICE_SERVER_WORKER_NETSVC_WORKER_H_

#include <memory>
#include <span>
#include <vector>

#include "server/base/cgroup.h"
#include "server/worker/child_process.h"
#include "server/worker/egress_backstop.h"
#include "server/worker/exit_watcher.h"
#include "server/worker/worker.h"
#include "server/worker/worker_answer.h"
#include "server/worker/worker_client.h"
#include "server/worker/worker_log.h"

namespace sluice {

// A sluice-netsvc process and the connection to it.
class NetsvcWorker : public Worker {
 public:
  // Past it a worker counts as stuck, and is killed.
  static constexpr absl::Duration kCallTimeout = absl::Seconds(10);
  // From the answer to Shutdown to the end of the process.
  static constexpr absl::Duration kExitTimeout = absl::Seconds(5);

  // What the kernel holds the process in; each null where there is none.
  struct Groups {
    std::unique_ptr<EgressBackstop> backstop;
    std::unique_ptr<Cgroup> cpu;  // with its weight
  };
  NetsvcWorker(std::unique_ptr<ChildProcess> process, std::unique_ptr<WorkerClient> client, Groups groups,
               absl::Duration call_timeout = kCallTimeout)
      : call_timeout_(call_timeout),
        groups_(std::move(groups)),
        process_(std::move(process)),
        client_(std::move(client)) {}

  // Where the end of the process is told. Before anything else is called.
  void SetExitWatch(std::unique_ptr<ExitWatcher::Watch> watch) { exit_watch_ = std::move(watch); }

  // Where its words are read. One that was adopted has none.
  void SetLog(std::unique_ptr<WorkerLog::Source> log) { log_ = std::move(log); }

  void Leave() override;
  absl::Status Configure(const internal::v1::Configure& config, UniqueFd audit_directory,
                         UniqueFd socket_directory) override;
  absl::StatusOr<bool> Resume(const internal::v1::Configure& config, bool keep_open_flows) override;
  absl::StatusOr<UniqueFd> GetLink() override;
  absl::StatusOr<std::vector<HeldPort>> GetPorts() override;
  absl::StatusOr<uint64_t> SetPolicy(const v1::NetworkPolicy& policy, uint64_t generation,
                                     bool keep_open_flows) override;
  absl::StatusOr<uint64_t> SetFloor(const policy::RuleProtos& rules) override;
  absl::StatusOr<internal::v1::EvaluateResult> Evaluate(const internal::v1::Evaluate& question) override;
  absl::StatusOr<internal::v1::RuleStatsResult> GetRuleStats() override;
  absl::Status AddPort(const v1::PortMapping& port, const UniqueFd& socket) override;
  absl::StatusOr<uint64_t> RemovePort(const v1::PortMapping& port) override;
  absl::Status SetHost(const internal::v1::SetHost& host) override;
  absl::Status SetNameservers(const std::vector<Endpoint>& nameservers) override;
  absl::Status Update(const internal::v1::UpdateNetwork& update) override;
  absl::Status SetBlockLists(const std::vector<BlockList>& lists) override;
  absl::StatusOr<internal::v1::StatsResult> GetStats(uint32_t top_remotes) override;
  absl::StatusOr<UniqueFd> StartCapture(const internal::v1::StartCapture& request) override;
  absl::Status RecordEvent(const v1::LifecycleEvent& event) override;
  absl::Status AttachLink(UniqueFd tap) override;
  absl::Status DetachLink() override;
  void Shutdown(const v1::LifecycleEvent& last) override;

 private:
  absl::StatusOr<internal::v1::Response> Call(internal::v1::Request request, std::span<const int> descriptors = {},
                                              const AnswerLimit& limit = kShortAnswer);
  absl::StatusOr<WorkerAnswer> CallForDescriptor(internal::v1::Request request);
  // Kills a worker that did not answer, for then nobody knows what it enforces.
  absl::Status Judge(const absl::Status& status);

  // What the second wall follows from.
  absl::Status TakeConfig(const internal::v1::Configure& config);
  // Puts the second wall where `policy` and the resolvers in use have it.
  absl::Status SetBackstop(const v1::NetworkPolicy& policy);

  const absl::Duration call_timeout_;

  // What the wall follows from, beside the policy.
  v1::DnsConfig dns_;
  std::vector<Endpoint> host_nameservers_;
  std::vector<IpAddress> aliases_;  // the gateway's
  std::vector<IpPrefix> nat64_;
  v1::NetworkPolicy policy_;
  std::vector<policy::Rule> floor_;

  // Ends in this order: no report, no connection, no process, no log, no wall.
  const Groups groups_;
  std::unique_ptr<WorkerLog::Source> log_;
  const std::unique_ptr<ChildProcess> process_;
  const std::unique_ptr<WorkerClient> client_;
  std::unique_ptr<ExitWatcher::Watch> exit_watch_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_NETSVC_WORKER_H_
