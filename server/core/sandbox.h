#ifndef SLUICE_SERVER_CORE_SANDBOX_H_
#define SLUICE_SERVER_CORE_SANDBOX_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/clock.h"
#include "server/base/mutex.h"
#include "server/core/audit_archive.h"
#include "server/core/block_list_store.h"
#include "server/core/cancel_token.h"
#include "server/core/change_feed.h"
#include "server/core/floor_policy.h"
#include "server/core/host_network.h"
#include "server/core/interface_plan.h"
#include "server/core/published_ports.h"
#include "server/core/restart_backoff.h"
#include "server/core/state_directory.h"
#include "server/core/strand.h"
#include "server/core/timers.h"
#include "server/core/worker_totals.h"
#include "server/guest/guest.h"
#include "server/guest/guest_factory.h"
#include "server/store/state_store.h"
#include "server/worker/worker.h"
#include "server/worker/worker_ids.h"
#include "sluice/v1/sandbox.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice {

// What sandboxes are made with. Outlives them.
struct SandboxEnvironment {
  Executor& executor;
  WorkerLauncher& workers;
  WorkerIds& worker_ids;
  GuestFactory& guests;
  PublishedPorts::Binder bind_port;
  std::function<bool(const BoundPort&)> is_bound;
  StateDirectory& state;
  StateStore& store;
  Timers& timers;
  AuditArchive& audit;
  WorkerTotals& totals;
  ChangeFeed& feed;
  const BlockListStore& block_lists;
  const FloorPolicy& floor;
  const Clock& clock;
};

// One sandbox: its record, and everything on the host that is its own: files,
// guest, link, ports, worker.
//
//     CREATING -> RUNNING <-> DEGRADED (the worker ended)       -> DELETING -> gone
//                         -> STOPPED (the guest ended)
//                         -> FAILED (the worker ended again and again)
//
// What it is in is in the StateStore before anyone is told, but for DEGRADED. A
// sandbox that an earlier server left is made of its record, and recovered.
//
// Held by the SandboxManager from the moment that its id is taken until it is
// gone. What is not said to be for any thread runs on its strand, and may block.
// Every change of the record is put into the feed.
class Sandbox : public std::enable_shared_from_this<Sandbox> {
 public:
  // How long a guest may take to end.
  static constexpr absl::Duration kStopTimeout = absl::Seconds(30);

  // `spec` as CheckCreate made it, with an id.
  // Cancelling `creation` undoes its creation, while that lasts.
  static std::shared_ptr<Sandbox> New(const SandboxEnvironment& environment, v1::Sandbox spec, HostNetwork host,
                                      CancelToken creation);
  static std::shared_ptr<Sandbox> Restore(const SandboxEnvironment& environment, internal::v1::SandboxRecord record,
                                          HostNetwork host);

  // Any thread.
  const std::string& id() const { return id_; }
  Strand& strand() { return *strand_; }
  void CancelCreation() { creation_.Cancel(); }
  // Has the worker asked, soon, how it is: what it counted goes into the totals,
  // and a log that cannot be written into the state message.
  void AskWorker();
  // FailedPrecondition where the guest does not run.
  absl::StatusOr<std::shared_ptr<Guest>> RunningGuest() const;

  // Makes everything, and returns the sandbox as it runs. Where that fails, or
  // the creation is cancelled, nothing is left and the error is returned; the guest's
  // first program may have begun, unable to reach anyone or to leave anything. Should
  // even that not succeed, the sandbox stays, FAILED, to be torn down.
  // `request` is what asked for it: finished by the same change that makes it run.
  absl::StatusOr<v1::Sandbox> BringUp(const RequestName& request);
  // Nothing is left of it.
  bool gone() const { return gone_; }

  // Ends the guest and removes everything but the audit log. An error leaves the
  // sandbox FAILED; it may be called again then. OK where it is gone.
  absl::Status TearDown();

  // Of one that was restored, first of all: what still is there is this server's
  // from now on, with the settings of the record; a creation that was cut off is
  // undone, a deletion finished.
  enum class Recovery { kAdopted, kReplaced, kUndone, kFinished, kFailed };
  struct Recovered {
    Recovery what = Recovery::kFailed;
    std::string words;  // for the log
  };
  Recovered Recover();

  // Worker, guest, link and ports go on without this server. Nothing else is
  // done from now on.
  void Leave();

  // The others answer NotFound once the sandbox is gone, FailedPrecondition
  // while it cannot do what is asked, Unavailable without a worker.
  absl::StatusOr<v1::PortMapping> PublishPort(const v1::PortMapping& port, const RequestName& request);
  absl::StatusOr<uint64_t> UnpublishPort(const v1::PortMapping& name);

  struct PolicyChange {
    v1::NetworkPolicy policy;          // as CheckSetPolicy made it
    uint64_t expected_generation = 0;  // 0: any
    bool keep_open_flows = false;
  };
  struct PolicyOutcome {
    uint64_t generation = 0;
    uint64_t flows_closed = 0;
  };
  // Aborted where the generation is not the expected one. The new policy is in
  // force when it returns.
  absl::StatusOr<PolicyOutcome> SetPolicy(const PolicyChange& change);

  // The request as CheckUpdate passed it. Returns the sandbox as it is then.
  // Aborted where its etag is not the current one, FieldError where the settings
  // that come of it are wrong. They are in force when it returns.
  absl::StatusOr<v1::Sandbox> Update(const v1::UpdateSandboxRequest& request);

  // The policy in force; `stats` without rules unless they are wanted.
  struct PolicyState {
    v1::NetworkPolicy policy;
    uint64_t generation = 0;
    internal::v1::RuleStatsResult stats;
  };
  absl::StatusOr<PolicyState> GetPolicy(bool with_stats);
  // `question` as CheckEvaluate made it.
  absl::StatusOr<internal::v1::EvaluateResult> Evaluate(const internal::v1::Evaluate& question);

  absl::StatusOr<internal::v1::StatsResult> GetStats(uint32_t top_remotes);
  // As Worker::StartCapture.
  absl::StatusOr<UniqueFd> StartCapture(const internal::v1::StartCapture& request);

  // The next ones never fail: a worker that does not take what holds from now on is
  // ended, and the one in its place begins with it. Before BringUp they are for the
  // first worker.
  void SetNameservers(const std::vector<Endpoint>& nameservers);
  // What the server listens on, where it is another than when it was told.
  void SetControlPlane(const std::vector<Endpoint>& control_plane);
  // The block list `name` is another one now: gives it to the worker where the
  // sandbox has it.
  void OnBlockListChanged(const std::string& name);
  // So are the operator's floor rules: puts them in force.
  void OnFloorChanged();

 private:
  Sandbox(const SandboxEnvironment& environment, internal::v1::SandboxRecord record, HostNetwork host,
          CancelToken creation);

  // The steps of BringUp, in order.
  absl::Status CheckSpec();
  absl::Status AddRecord();
  absl::Status MakeFiles();
  absl::Status MakeGuest();
  absl::Status BindPorts();
  // The worker, by the two that follow, and beside it the guest.
  absl::Status StartProcesses();
  absl::Status StartWorker();
  absl::Status ConnectWorker();
  absl::Status SaveRunning(const RequestName& request);
  // Of ConnectWorker, what a worker that replaces another takes, too. `replaces`: how
  // that one ended.
  absl::Status ConfigureWorker(const std::string& replaces);
  WorkerLauncher::Options WorkerOptions();
  std::function<void(ProcessExit)> GuestExitCallback();
  void ShowGuest();

  // The steps of Recover, in order. The first returns a descriptor of the link,
  // where the worker has one.
  UniqueFd AdoptWorker();
  absl::Status AdoptGuest(UniqueFd link);
  void AdoptPorts();
  absl::StatusOr<bool> ResumeWorker();
  absl::Status AdoptLink(bool worker_has_link);
  absl::Status ResumeGuest();
  Recovered RecoverRunning(bool worker_has_link);

  // Ends a worker that `told` says has not taken `what`, for it would go on with what
  // held before, and has another take its place.
  void ReplaceUnless(const absl::Status& told, absl::string_view what);
  // Has another worker take the place of the one that ended, now or later.
  void ReplaceWorker(const std::string& how);
  void TryReplacement(const std::string& how);
  absl::Status StartReplacement(const std::string& how);

  // Takes away what the steps made, the last first. `last` is the log's last
  // event.
  absl::Status Release(const v1::LifecycleEvent& last);
  // Gives the worker the block lists of `names`, as they are now.
  absl::Status GiveBlockLists(const google::protobuf::RepeatedPtrField<std::string>& names);
  absl::StatusOr<uint64_t> ApplyPolicy(const PolicyChange& change, uint64_t generation);
  // FieldError where more is to be kept than this server does.
  absl::Status CheckNewRetention(const v1::AuditConfig& audit) const;
  // The ways of SetPolicy to and from PRESET_NONE.
  absl::Status OpenNetwork();
  absl::Status CloseNetwork();

  bool has_network() const { return record_.network().policy().preset() != v1::PRESET_NONE; }
  absl::Status NoSandbox() const;
  absl::Status CheckWorker() const;
  void OnWorkerExit(uint64_t worker, const std::string& how);
  void OnGuestExit(const ProcessExit& exit);
  // What the worker says of itself. The last word of one that is about to end, too.
  void TakeStats();
  void ShowAuditState(const std::string& error);
  void EnterState(v1::Sandbox::State state, absl::string_view message);
  void ShowPorts();
  // Gives the record a new etag and makes it durable, with `request` (null: none).
  absl::Status Save(const FinishedRequest* request = nullptr);
  internal::v1::SandboxRecord ToRecord() const;
  void NewEtag();
  // Gives everyone a look at the record.
  void Show();
  void LogUnsaved(const absl::Status& saved) const;
  // Saves and shows what has happened whether or not it can be saved.
  void Publish();

  const SandboxEnvironment& environment_;
  const std::string id_;
  const std::shared_ptr<Strand> strand_;
  CancelToken creation_;

  // The strand's from here on.
  HostNetwork host_;
  v1::Sandbox record_;
  InterfacePlan plan_;
  bool gone_ = false;
  bool left_ = false;
  uint64_t version_ = 0;
  bool keep_open_flows_ = false;  // as the last SetPolicy said
  // Of a restored sandbox, until it is recovered.
  uid_t left_worker_id_ = 0;
  std::string first_process_;
  RestartBackoff restarts_;
  uint64_t workers_ = 0;  // that were started or adopted: tells the last from others
  std::unique_ptr<WorkerIds::Lease> worker_id_;
  std::unique_ptr<Worker> worker_;  // null: not yet, or no longer
  std::shared_ptr<Guest> guest_;
  UniqueFd link_;  // on its way from the guest to the worker
  PublishedPorts ports_;

  std::atomic<bool> asking_ = false;
  mutable Mutex mutex_;
  std::shared_ptr<Guest> running_guest_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_SANDBOX_H_
