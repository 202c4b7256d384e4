#ifndef SLUICE_SERVER_CORE_SANDBOX_MANAGER_H_
#define SLUICE_SERVER_CORE_SANDBOX_MANAGER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"
#include "server/core/audit_archive.h"
#include "server/core/block_list_store.h"
#include "server/core/cancel_token.h"
#include "server/core/change_feed.h"
#include "server/core/executor.h"
#include "server/core/floor_policy.h"
#include "server/core/host_network.h"
#include "server/core/published_ports.h"
#include "server/core/request_cache.h"
#include "server/core/sandbox.h"
#include "server/core/sandbox_limits.h"
#include "server/core/sandbox_registry.h"
#include "server/core/state_directory.h"
#include "server/core/worker_totals.h"
#include "server/core/timers.h"
#include "server/guest/guest_factory.h"
#include "server/store/state_store.h"
#include "server/worker/worker.h"
#include "server/worker/worker_ids.h"
#include "sluice/v1/audit_service.pb.h"
#include "sluice/v1/sandbox.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice {

// The server's sandboxes, and everything that can be asked of them. Any thread.
//
// No call blocks. What takes time is done on the manager's own threads, one
// thing at a time for each sandbox, and answers by `done`, once, on one of these
// threads or before the call returns. Errors are those of the API: FieldError
// for a request that is wrong in itself, ResourceExhausted where too much waits.
class SandboxManager {
 public:
  template <typename T>
  using Done = std::function<void(absl::StatusOr<T>)>;

  // At once at work: a creation waits for processes most of the time.
  static constexpr int kThreads = 16;

  // What becomes of sandboxes when the server ends.
  enum class Ending { kLeave, kDelete };

  // What it works with; all of it outlives the manager.
  struct Options {
    WorkerLauncher& workers;
    WorkerIds& worker_ids;
    GuestFactory& guests;
    StateDirectory& state;
    StateStore& store;
    Timers& timers;
    AuditArchive& audit;
    const Clock& clock;
    HostNetwork host;  // control_plane comes with Start
    const BlockListStore& block_lists;
    const FloorPolicy& floor;
    PublishedPorts::Binder bind_port = BindPort;
    SandboxLimits limits = {};
    std::function<bool(const BoundPort&)> is_bound = IsBound;
  };

  explicit SandboxManager(Options options);
  // Does what Stop(kLeave) does.
  ~SandboxManager();

  // Goes on with what an earlier server left: each sandbox is recovered, and what
  // was done is logged, before it returns. First of all, and before anyone can
  // ask. Returns the number of each outcome.
  std::map<Sandbox::Recovery, int> Recover(StateStore::Contents contents);
  // Until then, and after Stop, creations are Unavailable.
  void Start(std::vector<Endpoint> control_plane);
  // Undoes creations, leaves every sandbox to a later server or deletes it, and
  // ends every watch. Blocks.
  void Stop(Ending ending);

  // `caller`: Caller::name of whose request it is; request_ids are each caller's own.
  // Cancelling `cancel` undoes a creation that is under way.
  void Create(v1::CreateSandboxRequest request, const std::string& caller, const CancelToken& cancel,
              Done<v1::CreateSandboxResponse> done);
  void Delete(const v1::DeleteSandboxRequest& request, Done<v1::DeleteSandboxResponse> done);
  void Update(v1::UpdateSandboxRequest request, Done<v1::UpdateSandboxResponse> done);
  void PublishPort(v1::PublishPortRequest request, const std::string& caller, Done<v1::PublishPortResponse> done);
  void UnpublishPort(v1::UnpublishPortRequest request, Done<v1::UnpublishPortResponse> done);
  void SetNetworkPolicy(v1::SetNetworkPolicyRequest request, Done<v1::SetNetworkPolicyResponse> done);

  void GetNetworkPolicy(const v1::GetNetworkPolicyRequest& request, Done<v1::GetNetworkPolicyResponse> done);
  void EvaluatePolicy(v1::EvaluatePolicyRequest request, Done<v1::EvaluatePolicyResponse> done);

  void GetNetworkStats(const v1::GetNetworkStatsRequest& request, Done<v1::GetNetworkStatsResponse> done);
  // `done` gets the socket of Worker::StartCapture.
  void StartCapture(const v1::CapturePacketsRequest& request, Done<UniqueFd> done);

  absl::StatusOr<SandboxSnapshotPtr> Get(const v1::GetSandboxRequest& request) const;
  struct Page {
    std::vector<SandboxSnapshotPtr> sandboxes;
    std::string next_page_token;
  };
  // Of those that bear `scope`.
  absl::StatusOr<Page> List(const v1::ListSandboxesRequest& request, const Labels& scope = {}) const;
  // See ChangeWatcher. `on_ready` may run before this returns.
  absl::StatusOr<std::shared_ptr<ChangeWatcher>> Watch(const v1::WatchSandboxesRequest& request,
                                                       std::function<void()> on_ready, const Labels& scope = {});

  // NotFound, or FailedPrecondition where it does not run.
  absl::StatusOr<std::shared_ptr<Guest>> FindGuest(const std::string& sandbox_id) const;

  // The host's resolvers, as they are from now on.
  void SetHostNameservers(const std::vector<Endpoint>& nameservers);

  // The block list `name` is another one from now on.
  void OnBlockListChanged(const std::string& name);
  // So are the operator's floor rules.
  void OnFloorChanged();
  std::vector<std::shared_ptr<Sandbox>> Sandboxes() const { return registry_.All(); }
  std::map<v1::Sandbox::State, size_t> CountByState() const;
  // What all workers, past ones included, have counted.
  const WorkerTotals& totals() const { return totals_; }

  // Runs `work` on one of the manager's threads; false where too much waits.
  bool RunBlocking(std::function<void()> work) { return executor_.TryRun(std::move(work)); }

 private:
  template <typename T>
  void Submit(const Done<T>& done, std::function<void()> work);
  // Runs `work` on the strand of a sandbox.
  template <typename T>
  void OnSandbox(const std::string& id, const Done<T>& done, std::function<void(Sandbox&)> work);
  // Runs `work` unless an earlier request of that RequestCache::Key has the answer.
  template <typename Request, typename T>
  void Once(const std::string& key, const Request& request, Done<T> done,
            std::function<void(Done<T>, const RequestName&)> work);

  void CreateChecked(v1::Sandbox spec, const CancelToken& cancel, Done<v1::CreateSandboxResponse> done,
                     const RequestName& request);

  ChangeFeed feed_;
  RequestCache requests_;
  SandboxRegistry registry_;
  WorkerTotals totals_;
  const SandboxEnvironment environment_;
  Executor executor_;  // ends first: its threads use all of the above
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_SANDBOX_MANAGER_H_
