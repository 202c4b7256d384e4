#include "server/core/sandbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/protobuf/util/time_util.h"
#include "netsvc/base/field_error.h"
#include "server/core/audit_retention.h"
#include "server/core/id_generator.h"
#include "server/core/port_validation.h"
#include "server/core/sandbox_update.h"
#include "server/core/worker_config.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

using google::protobuf::util::MessageDifferencer;

internal::v1::SandboxRecord NewRecord(v1::Sandbox spec, const Clock& clock) {
  internal::v1::SandboxRecord record;
  *record.mutable_sandbox() = std::move(spec);
  record.mutable_sandbox()->set_uid(NewSandboxUid());
  *record.mutable_sandbox()->mutable_create_time() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock.Now()));
  return record;
}

// Changes that a server made and did not save have etags too: a later one's come
// after them.
constexpr uint64_t kVersionsOfAServer = 1 << 20;

std::string Describe(const ProcessExit& exit) {
  if (!exit.known) return "the guest's first process ended; how is not known, for an earlier server had started it";
  if (exit.signal != 0) return absl::StrCat("the guest's first process was killed by signal ", exit.signal);
  return absl::StrCat("the guest's first process exited with status ", exit.code);
}

}  // namespace

std::shared_ptr<Sandbox> Sandbox::New(const SandboxEnvironment& environment, v1::Sandbox spec, HostNetwork host,
                                      CancelToken creation) {
  return std::shared_ptr<Sandbox>(new Sandbox(environment, NewRecord(std::move(spec), environment.clock),
                                              std::move(host), std::move(creation)));
}

std::shared_ptr<Sandbox> Sandbox::Restore(const SandboxEnvironment& environment, internal::v1::SandboxRecord record,
                                          HostNetwork host) {
  record.set_version(record.version() + kVersionsOfAServer);
  return std::shared_ptr<Sandbox>(new Sandbox(environment, std::move(record), std::move(host), CancelToken()));
}

Sandbox::Sandbox(const SandboxEnvironment& environment, internal::v1::SandboxRecord record, HostNetwork host,
                 CancelToken creation)
    : environment_(environment),
      id_(record.sandbox().id()),
      strand_(Strand::Create(environment.executor)),
      creation_(std::move(creation)),
      host_(std::move(host)),
      record_(std::move(*record.mutable_sandbox())),
      version_(record.version()),
      keep_open_flows_(record.keep_open_flows()),
      left_worker_id_(record.worker_uid()),
      first_process_(record.guest_process()),
      ports_(environment.bind_port) {}

absl::StatusOr<std::shared_ptr<Guest>> Sandbox::RunningGuest() const {
  const MutexLock lock(mutex_);
  if (running_guest_ != nullptr) return running_guest_;
  return absl::FailedPreconditionError(absl::StrCat("the guest of sandbox ", id_, " does not run"));
}

absl::StatusOr<v1::PortMapping> Sandbox::PublishPort(const v1::PortMapping& port, const RequestName& request) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  if (!has_network()) {
    return absl::FailedPreconditionError("the policy's preset is NONE: nothing can be published until it is another");
  }
  const absl::StatusOr<v1::PortMapping> bound = ports_.Bind(port);
  if (!bound.ok()) return InField("port", bound.status());
  absl::Status status = ports_.Tell(*worker_, *bound);
  if (status.ok()) {
    ShowPorts();
    v1::PublishPortResponse response;
    *response.mutable_port() = *bound;
    const FinishedRequest finished{
        .name = request, .response = response.SerializeAsString(), .at = environment_.clock.Now()};
    status = Save(request.key.empty() ? nullptr : &finished);
  }
  if (!status.ok()) {
    ports_.Unpublish(worker_.get(), *bound).IgnoreError();
    ShowPorts();
    return status;
  }
  Show();
  return bound;
}

absl::StatusOr<uint64_t> Sandbox::UnpublishPort(const v1::PortMapping& name) {
  const absl::Status usable = CheckWorker();
  if (!usable.ok()) return usable;
  if (!ports_.Has(name)) return ports_.Unpublish(nullptr, name);  // NotFound
  // The record first: where this is cut off, the next server closes the port.
  const PortMappings before = *record_.mutable_network()->mutable_ports();
  auto& wanted = *record_.mutable_network()->mutable_ports();
  wanted.erase(std::remove_if(wanted.begin(), wanted.end(),
                              [&name](const v1::PortMapping& port) { return SameHostPort(port, name); }),
               wanted.end());
  if (const absl::Status saved = Save(); !saved.ok()) {
    wanted = before;
    return saved;
  }
  const absl::StatusOr<uint64_t> flows_closed = ports_.Unpublish(worker_.get(), name);
  ShowPorts();
  if (!flows_closed.ok()) LogUnsaved(Save());
  Show();
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
  const absl::StatusOr<uint64_t> flows_closed = ApplyPolicy(change, current + 1);
  if (!flows_closed.ok()) {
    if (will_be_open && !was_open) CloseNetwork().IgnoreError();
    return flows_closed.status();
  }
  const absl::Status closed = was_open && !will_be_open ? CloseNetwork() : absl::OkStatus();
  ShowPorts();
  Show();
  if (!closed.ok()) return closed;
  return PolicyOutcome{.generation = current + 1, .flows_closed = *flows_closed};
}

absl::StatusOr<uint64_t> Sandbox::ApplyPolicy(const PolicyChange& change, uint64_t generation) {
  const v1::NetworkPolicy old = record_.network().policy();
  const auto put = [this](const v1::NetworkPolicy& policy, uint64_t of) {
    *record_.mutable_network()->mutable_policy() = policy;
    record_.mutable_network_status()->set_policy_generation(of);
    return Save();
  };
  // The record first: where this is cut off, the next server sees by the
  // generation whether the worker was told, and tells it where not.
  keep_open_flows_ = change.keep_open_flows;
  absl::Status status = put(change.policy, generation);
  if (status.ok()) {
    absl::StatusOr<uint64_t> flows_closed = worker_->SetPolicy(change.policy, generation, change.keep_open_flows);
    if (flows_closed.ok()) return flows_closed;
    status = InField("policy", flows_closed.status());
  }
  LogUnsaved(put(old, generation - 1));
  return status;
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
  absl::Status status = CheckNewRetention(updated->network().audit());
  if (status.ok()) status = environment_.block_lists.Check("sandbox.network.dns.block_lists", lists);
  if (status.ok()) status = GiveBlockLists(lists);
  if (!status.ok()) return status;
  // As in ApplyPolicy; what the worker has is always sent again.
  const v1::Sandbox old = std::exchange(record_, *std::move(updated));
  status = Save();
  if (status.ok()) status = environment_.audit.Update(record_);
  if (status.ok()) status = InField("sandbox.network", worker_->Update(MakeNetworkUpdate(record_.network(), host_)));
  if (!status.ok()) {
    record_ = old;
    LogUnsaved(Save());
    environment_.audit.Update(record_).IgnoreError();
    return status;
  }
  Show();
  return record_;
}

absl::Status Sandbox::CheckNewRetention(const v1::AuditConfig& audit) const {
  // An earlier server may have allowed more: that is in no other change's way.
  if (MessageDifferencer::Equals(audit, record_.network().audit())) return absl::OkStatus();
  return CheckAuditFits("sandbox.network.audit", audit, host_.audit);
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

void Sandbox::SetControlPlane(const std::vector<Endpoint>& control_plane) {
  if (control_plane == host_.control_plane) return;
  host_.control_plane = control_plane;
  if (worker_ != nullptr) ReplaceUnless(worker_->SetHost(MakeHostUpdate(host_)), "the server's listeners");
}

void Sandbox::SetNameservers(const std::vector<Endpoint>& nameservers) {
  host_.nameservers = nameservers;
  // A worker that comes later is told as it starts.
  if (worker_ != nullptr) ReplaceUnless(worker_->SetNameservers(nameservers), "the host's new resolvers");
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
  ReplaceUnless(GiveBlockLists(changed), absl::StrCat("the new block list ", name));
}

void Sandbox::OnFloorChanged() {
  // One that is being made takes the floor as it is then.
  if (worker_ == nullptr) return;
  ReplaceUnless(worker_->SetFloor(*environment_.floor.Get()).status(), "the operator's new floor");
}

absl::Status Sandbox::OpenNetwork() {
  absl::Status status = ports_.ReopenAll();
  if (!status.ok()) return status;
  absl::StatusOr<UniqueFd> link = guest_->AttachLink(plan_.ToLink(record_.uid()));
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
  if (left_) return absl::UnavailableError("the server is stopping");
  if (worker_ != nullptr) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("sandbox ", id_, " has no worker: ", record_.state_message()));
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
  // That it has FAILED says more.
  if (record_.state() == v1::Sandbox::STATE_FAILED) return;
  EnterState(v1::Sandbox::STATE_STOPPED, Describe(exit));
  if (worker_ == nullptr) return;
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
  // Under NONE the mappings wait; nobody listens.
  *record_.mutable_network_status()->mutable_ports() = ports_.OpenMappings();
}

void Sandbox::NewEtag() { record_.set_etag(absl::StrFormat("%s-%x", record_.uid().substr(0, 8), ++version_)); }

internal::v1::SandboxRecord Sandbox::ToRecord() const {
  internal::v1::SandboxRecord record;
  *record.mutable_sandbox() = record_;
  record.set_version(version_);
  record.set_worker_uid(worker_id_ == nullptr ? left_worker_id_ : worker_id_->id());
  record.set_guest_process(guest_ == nullptr ? first_process_ : guest_->FirstProcess());
  record.set_keep_open_flows(keep_open_flows_);
  return record;
}

absl::Status Sandbox::Save(const FinishedRequest* request) {
  NewEtag();
  return environment_.store.Update(ToRecord(), request);
}

void Sandbox::LogUnsaved(const absl::Status& saved) const {
  if (!saved.ok()) spdlog::error("sandbox {}: its state cannot be saved: {}", id_, std::string(saved.message()));
}

void Sandbox::Show() { environment_.feed.Put(std::make_shared<const SandboxSnapshot>(record_)); }

void Sandbox::Publish() {
  LogUnsaved(Save());
  Show();
}

}  // namespace sluice
