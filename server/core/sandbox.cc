#include "server/core/sandbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/util/time_util.h"
#include "netsvc/base/field_error.h"
#include "server/core/id_generator.h"
#include "server/core/sandbox_update.h"
#include "server/core/worker_config.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

v1::Sandbox NewRecord(v1::Sandbox spec, const Clock& clock) {
  spec.set_uid(NewSandboxUid());
  *spec.mutable_create_time() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock.Now()));
  return spec;
}

std::string Describe(const ProcessExit& exit) {
  if (exit.signal != 0) return absl::StrCat("the guest's first process was killed by signal ", exit.signal);
  return absl::StrCat("the guest's first process exited with status ", exit.code);
}

}  // namespace

std::shared_ptr<Sandbox> Sandbox::New(const SandboxEnvironment& environment, v1::Sandbox spec, HostNetwork host,
                                      CancelToken creation) {
  return std::shared_ptr<Sandbox>(new Sandbox(environment, std::move(spec), std::move(host), std::move(creation)));
}

Sandbox::Sandbox(const SandboxEnvironment& environment, v1::Sandbox spec, HostNetwork host, CancelToken creation)
    : environment_(environment),
      id_(spec.id()),
      strand_(Strand::Create(environment.executor)),
      creation_(std::move(creation)),
      host_(std::move(host)),
      record_(NewRecord(std::move(spec), environment.clock)),
      ports_(environment.bind_port) {}

absl::StatusOr<std::shared_ptr<Guest>> Sandbox::RunningGuest() const {
  const MutexLock lock(mutex_);
  if (running_guest_ != nullptr) return running_guest_;
  return absl::FailedPreconditionError(absl::StrCat("the guest of sandbox ", id_, " does not run"));
}

absl::StatusOr<v1::PortMapping> Sandbox::PublishPort(const v1::PortMapping& port) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  if (!has_network()) {
    return absl::FailedPreconditionError("the policy's preset is NONE: nothing can be published until it is another");
  }
  const absl::StatusOr<v1::PortMapping> bound = ports_.Bind(port);
  if (!bound.ok()) return InField("port", bound.status());
  const absl::Status told = ports_.Tell(*worker_, *bound);
  if (!told.ok()) {
    ports_.Unpublish(nullptr, *bound).IgnoreError();
    return told;
  }
  ShowPorts();
  Publish();
  return bound;
}

absl::StatusOr<uint64_t> Sandbox::UnpublishPort(const v1::PortMapping& name) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  const absl::StatusOr<uint64_t> flows_closed = ports_.Unpublish(worker_.get(), name);
  if (!flows_closed.ok()) return flows_closed;
  ShowPorts();
  Publish();
  return flows_closed;
}

absl::StatusOr<Sandbox::PolicyOutcome> Sandbox::SetPolicy(const PolicyChange& change) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  const uint64_t current = record_.network_status().policy_generation();
  if (change.expected_generation != 0 && change.expected_generation != current) {
    return absl::AbortedError(absl::StrCat("the policy's generation is ", current, ", not ", change.expected_generation));
  }
  const bool was_open = has_network();
  const bool will_be_open = change.policy.preset() != v1::PRESET_NONE;
  if (will_be_open && !was_open) {
    // NONE still is in force: nothing passes before the new policy judges it.
    const absl::Status opened = OpenNetwork();
    if (!opened.ok()) return opened;
  }
  const absl::StatusOr<uint64_t> flows_closed = worker_->SetPolicy(change.policy, current + 1, change.keep_open_flows);
  if (!flows_closed.ok()) {
    if (will_be_open && !was_open) CloseNetwork().IgnoreError();
    return InField("policy", flows_closed.status());
  }
  *record_.mutable_network()->mutable_policy() = change.policy;
  record_.mutable_network_status()->set_policy_generation(current + 1);
  const absl::Status closed = was_open && !will_be_open ? CloseNetwork() : absl::OkStatus();
  ShowPorts();
  Publish();
  if (!closed.ok()) return closed;
  return PolicyOutcome{.generation = current + 1, .flows_closed = *flows_closed};
}

absl::StatusOr<v1::Sandbox> Sandbox::Update(const v1::UpdateSandboxRequest& request) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  const std::string& etag = request.sandbox().etag();
  if (!etag.empty() && etag != record_.etag()) {
    return absl::AbortedError(absl::StrCat("the sandbox's etag is ", record_.etag(), ", not ", etag));
  }
  absl::StatusOr<v1::Sandbox> updated = ApplyUpdate(request, record_);
  if (!updated.ok()) return updated.status();
  const auto& lists = updated->network().dns().block_lists();
  absl::Status status = environment_.block_lists.Check("sandbox.network.dns.block_lists", lists);
  if (status.ok()) status = GiveBlockLists(lists);
  if (status.ok()) status = environment_.audit.Relabel(*updated);
  if (!status.ok()) return status;
  status = worker_->Update(MakeNetworkUpdate(updated->network()));
  if (!status.ok()) {
    environment_.audit.Relabel(record_).IgnoreError();
    return InField("sandbox.network", status);
  }
  record_ = *std::move(updated);
  Publish();
  return record_;
}

absl::StatusOr<Sandbox::PolicyState> Sandbox::GetPolicy(bool with_stats) {
  if (gone_) return NoSandbox();
  PolicyState state = {.policy = record_.network().policy(),
                       .generation = record_.network_status().policy_generation(),
                       .stats = {}};
  if (!with_stats) return state;
  if (const absl::Status usable = CheckWorker(); !usable.ok()) return usable;
  absl::StatusOr<internal::v1::RuleStatsResult> stats = worker_->GetRuleStats();
  if (!stats.ok()) return stats.status();
  state.stats = *std::move(stats);
  return state;
}

absl::StatusOr<internal::v1::EvaluateResult> Sandbox::Evaluate(const internal::v1::Evaluate& question) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  return worker_->Evaluate(question);
}

absl::StatusOr<internal::v1::StatsResult> Sandbox::GetStats(uint32_t top_remotes) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  return worker_->GetStats(top_remotes);
}

absl::StatusOr<UniqueFd> Sandbox::StartCapture(const internal::v1::StartCapture& request) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  return worker_->StartCapture(request);
}

void Sandbox::SetNameservers(const std::vector<Endpoint>& nameservers) {
  // A worker that is gone has been, or is about to be, told of elsewhere.
  if (worker_ != nullptr) worker_->SetNameservers(nameservers).IgnoreError();
}

absl::Status Sandbox::GiveBlockLists(const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::vector<std::shared_ptr<const CompiledBlockList>> lists;  // they live through the call
  std::vector<Worker::BlockList> images;
  for (const std::string& name : names) {
    lists.push_back(environment_.block_lists.Find(name));
    if (lists.back() == nullptr) return absl::InternalError(absl::StrCat("the block list ", name, " is gone"));
    images.push_back({name, lists.back()->image.get()});
  }
  return images.empty() ? absl::OkStatus() : worker_->SetBlockLists(images);
}

void Sandbox::OnBlockListChanged(const std::string& name) {
  const auto& mine = record_.network().dns().block_lists();
  if (worker_ == nullptr || std::find(mine.begin(), mine.end(), name) == mine.end()) return;
  google::protobuf::RepeatedPtrField<std::string> changed;
  *changed.Add() = name;
  const absl::Status status = GiveBlockLists(changed);
  if (!status.ok()) spdlog::error("sandbox {}: block list {}: {}", id_, name, std::string(status.message()));
}

void Sandbox::OnFloorChanged() {
  // One that is being made takes the floor as it is then.
  if (worker_ == nullptr) return;
  const absl::StatusOr<uint64_t> flows_closed = worker_->SetFloor(*environment_.floor.Get());
  if (!flows_closed.ok()) spdlog::error("sandbox {}: new floor: {}", id_, std::string(flows_closed.status().message()));
}

absl::Status Sandbox::OpenNetwork() {
  absl::Status status = ports_.ReopenAll();
  if (!status.ok()) return status;
  absl::StatusOr<UniqueFd> link = guest_->AttachLink(plan_.ToLink());
  status = link.status();
  if (status.ok()) status = worker_->AttachLink(*std::move(link));
  if (status.ok()) status = ports_.TellAll(*worker_);
  if (!status.ok()) CloseNetwork().IgnoreError();
  return status;
}

absl::Status Sandbox::CloseNetwork() {
  ports_.CloseAll(worker_.get());
  worker_->DetachLink().IgnoreError();
  return guest_->DetachLink();
}

absl::Status Sandbox::NoSandbox() const { return absl::NotFoundError(absl::StrCat("there is no sandbox ", id_)); }

absl::Status Sandbox::CheckWorker() const {
  if (gone_) return NoSandbox();
  if (worker_ != nullptr) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("sandbox ", id_, " has no worker: ", record_.state_message()));
}

void Sandbox::OnWorkerExit(const std::string& how) {
  if (worker_ == nullptr) return;
  spdlog::error("sandbox {}: {}", id_, how);
  worker_ = nullptr;
  environment_.totals.Forget(record_.uid());
  environment_.totals.CountDeath();
  ports_.CloseAll(nullptr);
  ShowPorts();
  EnterState(v1::Sandbox::STATE_FAILED, absl::StrCat(how, "; nothing passes any more"));
}

void Sandbox::AskWorker() {
  if (asking_.exchange(true)) return;
  strand_->Post([self = shared_from_this()] {
    self->asking_ = false;
    self->TakeStats();
  });
}

void Sandbox::TakeStats() {
  if (worker_ == nullptr) return;
  const absl::StatusOr<internal::v1::StatsResult> stats = worker_->GetStats(/*top_remotes=*/0);
  if (!stats.ok()) return;
  environment_.totals.Update(record_.uid(), *stats);
  ShowAuditState(stats->audit_error());
}

void Sandbox::ShowAuditState(const std::string& error) {
  if (record_.state() != v1::Sandbox::STATE_RUNNING) return;
  std::string message;
  if (!error.empty()) {
    const char* const then = host_.audit.go_on_unwritten() ? "what happens is not recorded" : "new flows and names are denied";
    message = absl::StrCat("the audit log cannot be written (", error, "): ", then);
  }
  if (message == record_.state_message()) return;
  if (message.empty()) {
    spdlog::info("sandbox {}: the audit log can be written again", id_);
  } else {
    spdlog::error("sandbox {}: {}", id_, message);
  }
  EnterState(v1::Sandbox::STATE_RUNNING, message);
}

void Sandbox::OnGuestExit(const ProcessExit& exit) {
  if (guest_ == nullptr) return;
  {
    const MutexLock lock(mutex_);
    running_guest_ = nullptr;
  }
  // Without a worker it has FAILED already, and that says more.
  if (worker_ == nullptr) return;
  EnterState(v1::Sandbox::STATE_STOPPED, Describe(exit));
  v1::LifecycleEvent event;
  event.set_state(v1::Sandbox::STATE_STOPPED);
  event.set_message(record_.state_message());
  worker_->RecordEvent(event).IgnoreError();
}

void Sandbox::EnterState(v1::Sandbox::State state, absl::string_view message) {
  record_.set_state(state);
  record_.set_state_message(std::string(message));
  Publish();
}

void Sandbox::ShowPorts() {
  *record_.mutable_network()->mutable_ports() = ports_.Mappings();
  // Under NONE and without a worker the mappings wait; nobody listens.
  *record_.mutable_network_status()->mutable_ports() =
      has_network() && worker_ != nullptr ? ports_.Mappings() : PortMappings();
}

void Sandbox::Publish() {
  record_.set_etag(absl::StrFormat("%s-%x", record_.uid().substr(0, 8), ++version_));
  environment_.feed.Put(std::make_shared<const SandboxSnapshot>(record_));
}

}  // namespace sluice
