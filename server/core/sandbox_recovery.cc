// How a sandbox goes on: Sandbox::Recover, after its server ended, and
// Sandbox::ReplaceWorker, after its worker did.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/core/port_validation.h"
#include "server/core/sandbox.h"
#include "server/core/worker_config.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

constexpr char kWorkerWasGone[] = "the worker process ended while no server ran";

v1::LifecycleEvent CutOff() {
  v1::LifecycleEvent event;
  event.set_state(v1::Sandbox::STATE_FAILED);
  event.set_message("the server ended before the sandbox was made");
  return event;
}

}  // namespace

Sandbox::Recovered Sandbox::Recover() {
  const absl::StatusOr<InterfacePlan> plan = InterfacePlan::Make("", record_.network().interface());
  if (!plan.ok()) return {Recovery::kFailed, std::string(plan.status().message())};
  plan_ = *plan;
  const v1::Sandbox::State state = record_.state();
  UniqueFd link = AdoptWorker();
  const bool worker_has_link = link.valid();
  const absl::Status guest = AdoptGuest(std::move(link));
  if (state == v1::Sandbox::STATE_CREATING) {
    const absl::Status released = Release(CutOff());
    if (released.ok()) environment_.audit.Discard(record_.uid());
    if (released.ok()) return {Recovery::kUndone, "its creation was cut off: undone"};
    EnterState(v1::Sandbox::STATE_FAILED, released.message());
    return {Recovery::kFailed, absl::StrCat("undoing its creation: ", released.message())};
  }
  if (state == v1::Sandbox::STATE_DELETING) {
    const absl::Status deleted = TearDown();
    if (deleted.ok()) return {Recovery::kFinished, "its deletion was cut off: finished"};
    return {Recovery::kFailed, absl::StrCat("finishing its deletion: ", deleted.message())};
  }
  if (!guest.ok()) {
    worker_ = nullptr;  // of what guest?
    EnterState(v1::Sandbox::STATE_FAILED, absl::StrCat("the guest is not there any more: ", guest.message()));
    return {Recovery::kFailed, record_.state_message()};
  }
  return RecoverRunning(worker_has_link);
}

Sandbox::Recovered Sandbox::RecoverRunning(bool worker_has_link) {
  if (record_.state() == v1::Sandbox::STATE_FAILED) {
    worker_ = nullptr;
    AdoptPorts();  // they stay closed
    ResumeGuest().IgnoreError();
    ShowPorts();
    Publish();
    return {Recovery::kAdopted, absl::StrCat("kept to be deleted, for it has failed: ", record_.state_message())};
  }
  AdoptPorts();
  const absl::StatusOr<bool> told = ResumeWorker();
  const absl::Status linked = AdoptLink(worker_has_link);
  if (!linked.ok()) spdlog::error("sandbox {}: its link: {}", id_, std::string(linked.message()));
  const absl::Status resumed = ResumeGuest();
  ShowPorts();
  if (record_.state() == v1::Sandbox::STATE_DEGRADED) record_.set_state(v1::Sandbox::STATE_RUNNING);
  Publish();
  std::string words = absl::StrCat("adopted, with ", ports_.OpenMappings().size(), " ports");
  if (!resumed.ok()) absl::StrAppend(&words, "; ", resumed.message());
  if (told.ok() && *told) {
    absl::StrAppend(&words, "; its worker is told of policy ", record_.network_status().policy_generation());
  }
  if (worker_ != nullptr) return {Recovery::kAdopted, words};
  const std::string how = told.ok() ? kWorkerWasGone : std::string(told.status().message());
  ReplaceWorker(how);
  return {Recovery::kReplaced, absl::StrCat(words, "; ", how, ": its worker is replaced")};
}

UniqueFd Sandbox::AdoptWorker() {
  if (absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> lease = environment_.worker_ids.Claim(left_worker_id_);
      lease.ok()) {
    worker_id_ = *std::move(lease);
  }
  absl::StatusOr<std::unique_ptr<Worker>> worker = environment_.workers.Adopt(WorkerOptions());
  if (!worker.ok()) {
    if (!absl::IsNotFound(worker.status())) {
      spdlog::error("sandbox {}: its worker cannot be adopted: {}", id_, std::string(worker.status().message()));
    }
    return UniqueFd();
  }
  worker_ = *std::move(worker);
  absl::StatusOr<UniqueFd> link = worker_->GetLink();
  return link.ok() ? *std::move(link) : UniqueFd();
}

absl::Status Sandbox::AdoptGuest(UniqueFd link) {
  absl::StatusOr<std::unique_ptr<Guest>> guest = environment_.guests.Adopt(
      record_.guest(),
      {.sandbox_id = id_, .sandbox_uid = record_.uid(), .nameservers = {plan_.ipv4.dns, plan_.ipv6.dns}},
      {.first_process = first_process_, .link = std::move(link)});
  if (!guest.ok()) return guest.status();
  guest_ = *std::move(guest);
  return absl::OkStatus();
}

void Sandbox::AdoptPorts() {
  std::vector<Worker::HeldPort> held;
  if (worker_ != nullptr) {
    absl::StatusOr<std::vector<Worker::HeldPort>> ports = worker_->GetPorts();
    if (ports.ok()) held = *std::move(ports);
  }
  for (const v1::PortMapping& port : record_.network().ports()) {
    const auto found = std::find_if(held.begin(), held.end(), [&port](const Worker::HeldPort& of) {
      return of.socket.valid() && SameHostPort(of.mapping, port);
    });
    BoundPort bound{.mapping = port, .socket = UniqueFd()};
    if (found != held.end()) bound.socket = std::move(found->socket);
    if (bound.socket.valid() && !environment_.is_bound(bound)) {
      spdlog::error("sandbox {}: its worker gave another socket for its port; it is ended", id_);
      bound.socket.reset();
      worker_ = nullptr;
    }
    ports_.Adopt(std::move(bound));
  }
  if (worker_ == nullptr) return;
  // Published, but the server ended before it could say so.
  for (const Worker::HeldPort& port : held) {
    if (!ports_.Has(port.mapping)) worker_->RemovePort(port.mapping).IgnoreError();
  }
}

absl::StatusOr<bool> Sandbox::ResumeWorker() {
  if (worker_ == nullptr) return false;
  if (const absl::Status lists = GiveBlockLists(record_.network().dns().block_lists()); !lists.ok()) {
    spdlog::warn("sandbox {}: {}; its worker keeps what it has", id_, std::string(lists.message()));
  }
  absl::StatusOr<bool> told =
      worker_->Resume(MakeWorkerConfig(record_, plan_, host_, *environment_.floor.Get()), keep_open_flows_);
  if (told.ok()) return told;
  spdlog::error("sandbox {}: its worker cannot go on: {}", id_, std::string(told.status().message()));
  worker_ = nullptr;
  return told.status();
}

absl::Status Sandbox::AdoptLink(bool worker_has_link) {
  if (!has_network()) {
    ports_.CloseAll(worker_.get());
    if (worker_ != nullptr) worker_->DetachLink().IgnoreError();
    return guest_->DetachLink();
  }
  if (const absl::Status opened = ports_.OpenMissing(worker_.get()); !opened.ok()) {
    spdlog::error("sandbox {}: a published port is lost: {}", id_, std::string(opened.message()));
  }
  if (!guest_->LinkDescriptor().ok()) {
    const absl::Status attached = guest_->AttachLink(plan_.ToLink(record_.uid())).status();
    // A guest that has ended has no use for one.
    if (!attached.ok()) return worker_has_link && worker_ != nullptr ? worker_->DetachLink() : attached;
    worker_has_link = false;
  }
  if (worker_ == nullptr || (worker_has_link && !record_.guest().has_socket())) return absl::OkStatus();
  absl::StatusOr<UniqueFd> link = guest_->LinkDescriptor();
  return link.ok() ? worker_->AttachLink(*std::move(link)) : link.status();
}

absl::Status Sandbox::ResumeGuest() {
  const absl::Status resumed = guest_->Resume(GuestExitCallback());
  if (!absl::IsFailedPrecondition(resumed)) {
    ShowGuest();
    return resumed;
  }
  if (record_.state() == v1::Sandbox::STATE_STOPPED || record_.state() == v1::Sandbox::STATE_FAILED) return absl::OkStatus();
  EnterState(v1::Sandbox::STATE_STOPPED, resumed.message());
  return resumed;
}

void Sandbox::Leave() {
  {
    const MutexLock lock(mutex_);
    running_guest_ = nullptr;
  }
  left_ = true;
  if (worker_ != nullptr) worker_->Leave();
  worker_ = nullptr;
  if (guest_ != nullptr) guest_->Leave();
}

void Sandbox::OnWorkerExit(uint64_t worker, const std::string& how) {
  if (worker_ == nullptr || worker != workers_ || left_) return;
  spdlog::error("sandbox {}: {}", id_, how);
  worker_ = nullptr;
  environment_.totals.CountDeath(record_.uid());
  ReplaceWorker(how);
}

void Sandbox::ReplaceUnless(const absl::Status& told, absl::string_view what) {
  if (told.ok()) return;
  const std::string how = absl::StrCat("the worker process did not take ", what, " (", told.message(), ") and was ended");
  spdlog::error("sandbox {}: {}", id_, how);
  TakeStats();
  worker_ = nullptr;
  environment_.totals.CountDeath(record_.uid());
  ReplaceWorker(how);
}

void Sandbox::ReplaceWorker(const std::string& how) {
  const std::optional<absl::Duration> delay = restarts_.OnEnd(environment_.clock.Monotonic());
  if (!delay) {
    ports_.CloseAll(nullptr);
    ShowPorts();
    EnterState(v1::Sandbox::STATE_FAILED,
               absl::StrCat(how, "; no worker stays, and nothing passes any more"));
    return;
  }
  if (record_.state() == v1::Sandbox::STATE_RUNNING) {
    record_.set_state(v1::Sandbox::STATE_DEGRADED);
    record_.set_state_message(absl::StrCat(how, "; it is being replaced, and nothing passes"));
    // Not saved: a later server finds out by itself, and a disk would cost time.
    NewEtag();
    Show();
  }
  if (*delay == absl::ZeroDuration()) return TryReplacement(how);
  environment_.timers.RunAfter(*delay, [weak = weak_from_this(), how] {
    if (const auto self = weak.lock()) self->strand().Post([self, how] { self->TryReplacement(how); });
  });
}

void Sandbox::TryReplacement(const std::string& how) {
  const bool wanted = record_.state() == v1::Sandbox::STATE_DEGRADED || record_.state() == v1::Sandbox::STATE_STOPPED;
  if (gone_ || left_ || worker_ != nullptr || !wanted) return;
  const absl::Status started = StartReplacement(how);
  if (!started.ok()) {
    worker_ = nullptr;
    spdlog::error("sandbox {}: its worker cannot be replaced: {}", id_, std::string(started.message()));
    return ReplaceWorker(how);
  }
  spdlog::info("sandbox {}: its worker is replaced", id_);
  if (record_.state() != v1::Sandbox::STATE_DEGRADED) return;
  record_.set_state(v1::Sandbox::STATE_RUNNING);
  record_.set_state_message("");
  NewEtag();
  Show();
}

absl::Status Sandbox::StartReplacement(const std::string& how) {
  if (worker_id_ == nullptr) {
    absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> lease = environment_.worker_ids.Acquire();
    if (!lease.ok()) return lease.status();
    worker_id_ = *std::move(lease);
    LogUnsaved(Save());
  }
  absl::StatusOr<UniqueFd> link = has_network() ? guest_->LinkDescriptor() : UniqueFd();
  link_ = link.ok() ? *std::move(link) : UniqueFd();  // a guest that has ended may have none
  const absl::Status started = StartWorker();
  return started.ok() ? ConfigureWorker(how) : started;
}

}  // namespace sluice
