// sluiced: one a host. Its command line is in options.cc.

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/unique_fd.h"
#include "server/access/access_control.h"
#include "server/access/access_log.h"
#include "server/base/cgroup.h"
#include "server/base/mutex.h"
#include "server/core/audit_archive.h"
#include "server/core/block_list_store.h"
#include "server/core/executor.h"
#include "server/core/floor_policy.h"
#include "server/core/leftovers.h"
#include "server/core/resolv_conf_watcher.h"
#include "server/core/sandbox_manager.h"
#include "server/core/state_directory.h"
#include "server/core/timers.h"
#include "server/core/worker_poller.h"
#include "server/guest/guest_factory.h"
#include "server/guest/io_thread.h"
#include "server/listeners.h"
#include "server/metrics/metrics_listener.h"
#include "server/metrics/rpc_metrics.h"
#include "server/metrics/server_metrics.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/service/audit_service.h"
#include "server/service/audit_streams.h"
#include "server/service/audit_sync.h"
#include "server/service/audit_watch.h"
#include "server/service/guest_service.h"
#include "server/service/sandbox_service.h"
#include "server/service/visibility.h"
#include "server/store/sqlite_store.h"
#include "server/worker/egress_backstop.h"
#include "server/worker/netsvc_launcher.h"
#include "server/worker/worker_ids.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

constexpr int kAuditThreads = 4;
constexpr absl::Duration kShutdownGrace = absl::Seconds(5);

class RunningGuests : public GuestLookup {
 public:
  explicit RunningGuests(SandboxManager& manager) : manager_(manager) {}
  absl::StatusOr<std::shared_ptr<Guest>> Find(const std::string& sandbox_id, const Caller& caller) override {
    const absl::Status seen = CheckSeen(manager_, sandbox_id, caller);
    if (!seen.ok()) return seen;
    return manager_.FindGuest(sandbox_id);
  }

 private:
  SandboxManager& manager_;
};

// Passes on the host's resolvers, once there is somebody to tell. Any thread.
class ResolverRelay {
 public:
  void Changed(const std::vector<Endpoint>& servers) {
    const MutexLock lock(mutex_);
    if (manager_ != nullptr) return manager_->SetHostNameservers(servers);
    missed_ = servers;
  }
  void Connect(SandboxManager& manager) {
    const MutexLock lock(mutex_);
    manager_ = &manager;
    if (missed_) manager.SetHostNameservers(*missed_);
  }

 private:
  Mutex mutex_;
  SandboxManager* manager_ GUARDED_BY(mutex_) = nullptr;
  std::optional<std::vector<Endpoint>> missed_ GUARDED_BY(mutex_);
};

// Empty where this kernel has no second wall around workers and none is required.
absl::StatusOr<std::string> FindBackstopHome(bool required) {
  absl::StatusOr<std::string> home = EgressBackstop::FindHome();
  if (home.ok()) return home;
  if (required) {
    return absl::FailedPreconditionError(absl::StrCat("--require_egress_backstop: ", home.status().message()));
  }
  spdlog::warn("no egress backstop: workers alone enforce their policies ({})", std::string(home.status().message()));
  return "";
}

std::optional<CpuController> FindCpuController() {
  absl::StatusOr<CpuController> found = CpuController::Find(CgroupMounts());
  if (found.ok()) return *std::move(found);
  spdlog::warn("no CPU weights: a busy sandbox may slow others down ({})", std::string(found.status().message()));
  return std::nullopt;
}

internal::v1::AuditOptions ToWorkers(const ServerOptions& options) {
  internal::v1::AuditOptions audit;
  audit.set_max_bytes(options.audit_max_bytes);
  audit.set_max_age_seconds(absl::ToInt64Seconds(options.audit_max_age));
  audit.set_go_on_unwritten(options.audit_go_on_unwritten);
  return audit;
}

// What a server is told of itself ahead of its listening: listeners without a
// port of their own come later.
std::vector<Endpoint> ExpectedControlPlane(const ServerOptions& options) {
  std::vector<Endpoint> expected = options.listen.tcp_endpoints;
  if (options.metrics_endpoint) expected.push_back(*options.metrics_endpoint);
  std::erase_if(expected, [](const Endpoint& endpoint) { return endpoint.port == 0; });
  return expected;
}

// What an earlier server left, as it says itself.
struct Inheritance {
  StateStore::Contents contents;
  std::vector<v1::Sandbox> sandboxes;
  std::set<std::string> uids;
};

Inheritance Inherit(StateStore& store) {
  Inheritance left{.contents = store.TakeContents(), .sandboxes = {}, .uids = {}};
  for (const internal::v1::SandboxRecord& record : left.contents.sandboxes) {
    left.sandboxes.push_back(record.sandbox());
    left.uids.insert(record.sandbox().uid());
  }
  return left;
}

size_t LogLeftovers(const Leftovers& leftovers) {
  for (const std::string& what : leftovers.removed) spdlog::info("removed: {}", what);
  for (const std::string& problem : leftovers.problems) spdlog::warn("{}", problem);
  return leftovers.removed.size();
}

void LogRecovery(std::map<Sandbox::Recovery, int> outcomes, size_t removed) {
  int all = 0;
  for (const auto& [what, count] : outcomes) all += count;
  if (all == 0 && removed == 0) return;
  spdlog::info("recovered {} sandboxes: {} adopted, {} with another worker, {} creations undone, {} deletions finished, "
               "{} failed; {} leftovers removed",
               all, outcomes[Sandbox::Recovery::kAdopted], outcomes[Sandbox::Recovery::kReplaced],
               outcomes[Sandbox::Recovery::kUndone], outcomes[Sandbox::Recovery::kFinished],
               outcomes[Sandbox::Recovery::kFailed], removed);
}

// Returns when this process shall end. Until then SIGHUP has files read again.
void AwaitStop(const sigset_t& signals, const std::function<void()>& reload, const std::string& status) {
  NotifyReady(status);
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    NotifyReloading();
    reload();
    NotifyReady(status);
  }
  NotifyStopping();
}

absl::Status Serve(const ServerOptions& options, const sigset_t& signals) {
  if (geteuid() != 0) return absl::FailedPreconditionError("sluiced must run as root: it makes network namespaces");
  absl::StatusOr<std::unique_ptr<AccessControl>> access =
      AccessControl::Load({.policy = options.listen.access_policy, .tokens = options.listen.token_file},
                          options.listen.max_streams_per_client);
  if (!access.ok()) return access.status();
  absl::StatusOr<std::unique_ptr<AccessLog>> access_log = AccessLog::Open(options.listen.access_log);
  if (!access_log.ok()) return access_log.status();
  absl::StatusOr<std::unique_ptr<StateDirectory>> state = StateDirectory::Open(options.state_dir);
  if (!state.ok()) return state.status();
  absl::StatusOr<std::unique_ptr<StateStore>> store = SqliteStore::Open((*state)->database());
  if (!store.ok()) return store.status();
  Inheritance left = Inherit(**store);
  const absl::StatusOr<std::string> backstop_home = FindBackstopHome(options.require_egress_backstop);
  if (!backstop_home.ok()) return backstop_home.status();
  const std::optional<CpuController> cpu = FindCpuController();
  absl::StatusOr<std::unique_ptr<WorkerLauncher>> workers =
      NetsvcLauncher::Make(options.netsvc, {.backstop_home = *backstop_home, .cpu = cpu});
  if (!workers.ok()) return workers.status();
  absl::StatusOr<std::unique_ptr<GuestFactory>> guests = MakeGuestFactory(
      {.state_dir = options.state_dir,
       .oci_runtime = options.oci_runtime,
       .init_path = options.guest_init,
       .path_roots = options.guest_path_roots,
       .qemu = options.qemu,
       .vm_scratch_bytes = options.vm_scratch_bytes,
       .cpu = cpu,
       .keep = left.uids});
  if (!guests.ok()) return guests.status();
  const size_t removed = LogLeftovers(RemoveLeftovers(**state, **store, left.uids, CgroupMounts()));
  const std::unique_ptr<AuditArchive> archive =
      AuditArchive::Open((*state)->audit(), options.audit_max_age, Clock::System(), left.sandboxes);

  ResolverRelay relay;
  absl::StatusOr<std::unique_ptr<ResolvConfWatcher>> resolv_conf = ResolvConfWatcher::Start(
      options.resolv_conf, [&relay](const std::vector<Endpoint>& servers) { relay.Changed(servers); });
  if (!resolv_conf.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("--resolv_conf=", options.resolv_conf,
                                                      " cannot be watched: ", resolv_conf.status().message()));
  }
  absl::StatusOr<std::unique_ptr<BlockListStore>> block_lists = BlockListStore::Load(options.dns_block_lists);
  if (!block_lists.ok()) return block_lists.status();
  absl::StatusOr<std::unique_ptr<FloorPolicy>> floor = FloorPolicy::Load(options.floor_policy);
  if (!floor.ok()) return floor.status();
  HostNetwork host{.nameservers = (*resolv_conf)->initial(),
                   .control_plane = ExpectedControlPlane(options),
                   .extra_host_cidrs = options.extra_host_cidrs,
                   .nat64_prefixes = options.nat64_prefixes,
                   .audit = ToWorkers(options)};
  const std::unique_ptr<WorkerIds> worker_ids = WorkerIds::OfThisProcess();
  if (!worker_ids->separate()) {
    spdlog::warn("workers keep this process's user: its user namespace has none for them");
  }
  ThreadTimers timers;
  SandboxManager manager({**workers, *worker_ids, **guests, **state, **store, timers, *archive, Clock::System(),
                          std::move(host), **block_lists, **floor, BindPort, options.sandbox_limits});
  LogRecovery(manager.Recover(std::move(left.contents)), removed);
  absl::StatusOr<std::unique_ptr<AuditWatch>> audit_watch = AuditWatch::Start(*archive);
  if (!audit_watch.ok()) return audit_watch.status();
  const AuditSync audit_sync(**audit_watch, [&archive] { archive->Prune(); });
  AuditStreams audit_streams;
  Executor readers(kAuditThreads);
  RunningGuests running(manager);
  SandboxServiceImpl sandbox_service(manager, **access,
                                     {.has_path_roots = !options.guest_path_roots.empty(),
                                      .allow_host_root = options.allow_host_root});
  GuestServiceImpl guest_service(running, **access,
                                 [&manager](std::function<void()> work) { return manager.RunBlocking(std::move(work)); });
  RpcMetrics rpc_metrics;
  std::atomic<int> captures = 0;  // outlives whoever is on capture_io
  absl::StatusOr<std::unique_ptr<IoThread>> capture_io = IoThread::Start();
  if (!capture_io.ok()) return capture_io.status();
  const auto start_capture = [&manager](const v1::CapturePacketsRequest& request, const Caller& caller,
                                        SandboxManager::Done<UniqueFd> done) {
    const absl::Status seen = CheckSeen(manager, request.sandbox_id(), caller);
    if (!seen.ok()) return done(seen);
    manager.StartCapture(request, std::move(done));
  };
  AuditServiceImpl audit_service({*archive, **audit_watch, audit_streams, readers, Clock::System()},
                                 {start_capture, **capture_io, captures}, **access);
  absl::StatusOr<Listeners> listeners =
      Listen(options.listen, {.services = {{v1::SandboxService::service_full_name(), &sandbox_service},
                                           {v1::GuestService::service_full_name(), &guest_service},
                                           {v1::AuditService::service_full_name(), &audit_service}},
                              .access = **access,
                              .access_log = **access_log,
                              .observer = MakeRpcObserver(rpc_metrics)});
  if (!listeners.ok()) return listeners.status();
  std::vector<Endpoint> control_plane = listeners->tcp;
  std::unique_ptr<MetricsListener> metrics;
  if (options.metrics_endpoint) {
    auto sources = std::make_shared<ServerMetrics>(ServerMetrics::Sources{
        [&manager] { return manager.CountByState(); }, manager.totals(), audit_streams, rpc_metrics, **floor,
        listeners->door->refused()});
    absl::StatusOr<std::unique_ptr<MetricsListener>> started =
        MetricsListener::Start(*options.metrics_endpoint, std::move(sources));
    if (!started.ok()) return started.status();
    metrics = *std::move(started);
    control_plane.push_back(metrics->endpoint());
    listeners->description += absl::StrCat("; metrics on ", metrics->endpoint().ToString());
  }
  manager.Start(std::move(control_plane));
  std::optional<WorkerPoller> poller(manager);
  relay.Connect(manager);
  (*block_lists)->Follow([&manager](const std::string& name) { manager.OnBlockListChanged(name); });
  (*floor)->Follow([&manager] { manager.OnFloorChanged(); });
  std::printf("sluiced serving on %s\n", listeners->description.c_str());
  std::fflush(stdout);
  const auto reload = [&access, &floor, &listeners] {
    (*access)->Reload();
    (*floor)->Reload();
    if (listeners->tls != nullptr) listeners->tls->Reload();
  };
  AwaitStop(signals, reload, absl::StrCat("serving on ", listeners->description));
  const bool stop_sandboxes = options.stop_sandboxes_on_exit;
  spdlog::info("stopping: {}", stop_sandboxes ? "every sandbox ends" : "sandboxes go on without this server");
  listeners->door->Close();
  listeners->server->GetHealthCheckService()->SetServingStatus(false);
  resolv_conf->reset();
  (*block_lists)->StopFollowing();
  (*floor)->StopFollowing();
  poller.reset();
  audit_streams.EndAll(absl::UnavailableError("the server is stopping"));
  manager.Stop(stop_sandboxes ? SandboxManager::Ending::kDelete : SandboxManager::Ending::kLeave);
  listeners->server->Shutdown(absl::ToChronoTime(absl::Now() + kShutdownGrace));
  return absl::OkStatus();
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sluiced"));
  const absl::StatusOr<sluice::ServerOptions> options = sluice::ParseServerOptions(argc, argv);
  if (!options.ok()) {
    spdlog::error("{}", std::string(options.status().message()));
    return 2;
  }
  // Before any thread is started: signals come to sigwait alone.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const absl::Status status = sluice::Serve(*options, signals);
  if (status.ok()) return 0;
  spdlog::error("{}", std::string(status.message()));
  return 1;
}
