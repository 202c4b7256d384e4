// How a sandbox comes and goes: Sandbox::BringUp and Sandbox::TearDown.

#include <errno.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/core/audit_retention.h"
#include "server/core/directory.h"
#include "server/core/id_generator.h"
#include "server/core/sandbox.h"
#include "server/core/worker_config.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

constexpr uint64_t kFirstGeneration = 1;

v1::LifecycleEvent Lifecycle(v1::Sandbox::State state, absl::string_view message) {
  v1::LifecycleEvent event;
  event.set_state(state);
  event.set_message(std::string(message));
  return event;
}

// Makes directories a worker's own; 0: it is this process's user, and they are.
absl::Status GiveTo(uid_t id, std::initializer_list<std::reference_wrapper<const UniqueFd>> directories) {
  if (id == 0) return absl::OkStatus();
  for (const UniqueFd& directory : directories) {
    if (fchown(directory.get(), id, id) != 0) return ErrnoError(errno, absl::StrCat("give a directory to user ", id));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Sandbox> Sandbox::BringUp(const RequestName& request) {
  record_.set_state(v1::Sandbox::STATE_CREATING);
  if (const absl::Status added = AddRecord(); !added.ok()) {
    gone_ = true;
    return added;
  }
  Show();
  absl::Status status;
  for (const auto step : {&Sandbox::CheckSpec, &Sandbox::MakeFiles, &Sandbox::MakeGuest, &Sandbox::BindPorts,
                          &Sandbox::StartProcesses}) {
    status = creation_.Check();
    if (status.ok()) status = (this->*step)();
    if (!status.ok()) break;
  }
  if (status.ok()) status = creation_.Check();
  if (status.ok()) status = SaveRunning(request);
  if (status.ok()) {
    Show();
    return record_;
  }
  const absl::Status released = Release(Lifecycle(v1::Sandbox::STATE_FAILED, status.message()));
  if (!released.ok()) {
    spdlog::error("sandbox {}: undoing its creation: {}", id_, std::string(released.message()));
    EnterState(v1::Sandbox::STATE_FAILED, released.message());
    return status;
  }
  environment_.audit.Discard(record_.uid());
  return status;
}

absl::Status Sandbox::AddRecord() {
  while (true) {
    NewEtag();
    const absl::Status added = environment_.store.Add(ToRecord());
    if (!absl::IsAlreadyExists(added)) return added;
    record_.set_uid(NewSandboxUid());
  }
}

absl::Status Sandbox::SaveRunning(const RequestName& request) {
  record_.set_state(v1::Sandbox::STATE_RUNNING);
  if (request.key.empty()) return Save();
  // The answer bears the etag that saving will give.
  NewEtag();
  v1::CreateSandboxResponse response;
  *response.mutable_sandbox() = record_;
  const FinishedRequest finished{
      .name = request, .response = response.SerializeAsString(), .at = environment_.clock.Now()};
  return environment_.store.Update(ToRecord(), &finished);
}

absl::Status Sandbox::CheckSpec() {
  const absl::StatusOr<InterfacePlan> plan = InterfacePlan::Make("sandbox.network.interface", record_.network().interface());
  if (!plan.ok()) return plan.status();
  plan_ = *plan;
  const absl::Status audit = CheckAuditFits("sandbox.network.audit", record_.network().audit(), host_.audit);
  if (!audit.ok()) return audit;
  return environment_.block_lists.Check("sandbox.network.dns.block_lists", record_.network().dns().block_lists());
}

absl::Status Sandbox::MakeFiles() {
  const absl::Status status = environment_.state.MakeSandbox(record_.uid());
  return status.ok() ? environment_.audit.Add(record_) : status;
}

absl::Status Sandbox::MakeGuest() {
  absl::StatusOr<std::unique_ptr<Guest>> guest = environment_.guests.Create(
      record_.guest(),
      {.sandbox_id = id_, .sandbox_uid = record_.uid(), .nameservers = {plan_.ipv4.dns, plan_.ipv6.dns}, .mac = plan_.mac});
  if (!guest.ok()) return InField("sandbox.guest", guest.status());
  guest_ = *std::move(guest);
  if (!has_network()) return absl::OkStatus();
  absl::StatusOr<UniqueFd> link = guest_->AttachLink(plan_.ToLink(record_.uid()));
  if (!link.ok()) return link.status();
  link_ = *std::move(link);
  return absl::OkStatus();
}

absl::Status Sandbox::BindPorts() {
  for (int i = 0; i < record_.network().ports_size(); ++i) {
    const absl::StatusOr<v1::PortMapping> bound = ports_.Bind(record_.network().ports(i));
    if (!bound.ok()) return InField(absl::StrCat("sandbox.network.ports[", i, "]"), bound.status());
  }
  return absl::OkStatus();
}

WorkerLauncher::Options Sandbox::WorkerOptions() {
  const auto on_exit = [weak = weak_from_this(), worker = ++workers_](const std::string& how) {
    if (const auto self = weak.lock()) self->strand().Post([self, worker, how] { self->OnWorkerExit(worker, how); });
  };
  return {.directory = environment_.state.sandbox(record_.uid()), .on_exit = on_exit};
}

absl::Status Sandbox::StartWorker() {
  absl::StatusOr<std::unique_ptr<Worker>> worker = environment_.workers.Launch(WorkerOptions());
  if (!worker.ok()) return worker.status();
  worker_ = *std::move(worker);
  return absl::OkStatus();
}

absl::Status Sandbox::ConnectWorker() {
  absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> worker_id = environment_.worker_ids.Acquire();
  if (!worker_id.ok()) return worker_id.status();
  worker_id_ = *std::move(worker_id);
  record_.mutable_network_status()->set_policy_generation(kFirstGeneration);
  return ConfigureWorker(/*replaces=*/"");
}

absl::Status Sandbox::ConfigureWorker(const std::string& replaces) {
  absl::StatusOr<UniqueFd> audit = OpenDirectory(environment_.audit.LogDirectory(record_.uid()));
  if (!audit.ok()) return audit.status();
  absl::StatusOr<UniqueFd> sockets = OpenDirectory(environment_.state.sockets(record_.uid()));
  if (!sockets.ok()) return sockets.status();
  absl::Status status = GiveTo(worker_id_->id(), {std::cref(*audit), std::cref(*sockets)});
  if (!status.ok()) return status;
  status = GiveBlockLists(record_.network().dns().block_lists());
  if (!status.ok()) return status;
  internal::v1::Configure config = MakeWorkerConfig(record_, plan_, host_, *environment_.floor.Get());
  config.set_uid(worker_id_->id());
  config.set_replaces(replaces);
  status = worker_->Configure(config, *std::move(audit), *std::move(sockets));
  if (!status.ok()) return InField("sandbox.network", status);
  if (link_.valid()) status = worker_->AttachLink(std::move(link_));
  return status.ok() ? ports_.TellAll(*worker_) : status;
}

absl::Status Sandbox::StartProcesses() {
  // Each takes longer than all else that a creation does. What the guest sends before
  // the worker has its policy stays in the link, which nobody else reads.
  // Where there is no thread left, one after the other.
  std::future<absl::Status> guest = std::async(std::launch::async | std::launch::deferred,
                                               [this, on_exit = GuestExitCallback()] { return guest_->Start(on_exit); });
  absl::Status status = StartWorker();
  if (status.ok()) status = ConnectWorker();
  const absl::Status guest_status = guest.get();
  if (!status.ok()) return status;
  if (!guest_status.ok()) return InField(record_.guest().has_vm() ? "sandbox.guest.vm" : "sandbox.guest.oci", guest_status);
  ShowGuest();
  ShowPorts();
  return worker_->RecordEvent(Lifecycle(v1::Sandbox::STATE_RUNNING, "the guest runs"));
}

std::function<void(ProcessExit)> Sandbox::GuestExitCallback() {
  return [weak = weak_from_this()](ProcessExit exit) {
    if (const auto self = weak.lock()) self->strand().Post([self, exit] { self->OnGuestExit(exit); });
  };
}

void Sandbox::ShowGuest() {
  {
    const MutexLock lock(mutex_);
    running_guest_ = guest_;
  }
  plan_.FillStatus(*record_.mutable_network_status());
  record_.mutable_network_status()->set_socket_path(guest_->SocketPath());
}

absl::Status Sandbox::TearDown() {
  if (gone_) return absl::OkStatus();
  if (left_) return absl::UnavailableError("the server is stopping");
  EnterState(v1::Sandbox::STATE_DELETING, "");
  const absl::Status released = Release(Lifecycle(v1::Sandbox::STATE_DELETING, "the sandbox is deleted"));
  if (!released.ok()) {
    EnterState(v1::Sandbox::STATE_FAILED, released.message());
    return released;
  }
  environment_.audit.MarkDeleted(record_.uid());
  return absl::OkStatus();
}

absl::Status Sandbox::Release(const v1::LifecycleEvent& last) {
  {
    const MutexLock lock(mutex_);
    running_guest_ = nullptr;
  }
  ports_.CloseAll(worker_.get());
  // The worker lets go first: a link that vanishes under it is not its failure.
  if (worker_ != nullptr) worker_->DetachLink().IgnoreError();
  link_.reset();
  const absl::Status stopped = guest_ == nullptr
                                   ? absl::OkStatus()
                                   : guest_->Stop(environment_.clock.Now() + kStopTimeout);
  if (!stopped.ok()) return stopped;
  guest_ = nullptr;
  TakeStats();
  if (worker_ != nullptr) worker_->Shutdown(last);
  worker_ = nullptr;
  worker_id_ = nullptr;
  environment_.totals.Forget(record_.uid());
  absl::Status removed = environment_.state.RemoveSandbox(record_.uid());
  if (removed.ok()) removed = environment_.store.Remove(record_.uid());
  if (!removed.ok()) return removed;
  gone_ = true;
  environment_.feed.Remove(id_);
  return absl::OkStatus();
}

}  // namespace sluice
