#include "server/core/fake_host.h"

#include <fcntl.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

constexpr char kGuests[] = "guests";
constexpr char kLinks[] = "links";
constexpr char kWorkers[] = "workers";
constexpr char kWorkerPorts[] = "ports of workers";

std::string UidOf(const std::string& directory) { return directory.substr(directory.rfind('/') + 1); }

UniqueFd SomeDescriptor() { return UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)); }

}  // namespace

class FakeHost::FakeGuest : public Guest {
 public:
  FakeGuest(FakeHost& host, std::string uid) : host_(host), uid_(std::move(uid)) { host_.Count(kGuests, 1); }
  FakeGuest(FakeHost& host, std::string uid, const LeftGuest& left)
      : host_(host), uid_(std::move(uid)), attached_(left.attached), runs_(left.runs) {}
  ~FakeGuest() override {
    if (left_) return;
    DetachLink().IgnoreError();
    host_.Count(kGuests, -1);
  }
  void Leave() override {
    left_ = true;
    const MutexLock lock(host_.mutex_);
    host_.left_guests_[uid_] = {.attached = attached_, .runs = runs_};
  }

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig&) override {
    if (absl::Status status = host_.Step(kAttachGuest); !status.ok()) return status;
    attached_ = true;
    host_.Count(kLinks, 1);
    return SomeDescriptor();
  }
  absl::StatusOr<UniqueFd> LinkDescriptor() override {
    if (!attached_) return absl::FailedPreconditionError("there is no link");
    return SomeDescriptor();
  }
  absl::Status DetachLink() override {
    if (std::exchange(attached_, false)) host_.Count(kLinks, -1);
    return absl::OkStatus();
  }
  absl::Status Start(std::function<void(ProcessExit)> on_exit) override {
    if (absl::Status status = host_.Step(kStartGuest); !status.ok()) return status;
    runs_ = true;
    return Resume(std::move(on_exit));
  }
  absl::Status Resume(std::function<void(ProcessExit)> on_exit) override {
    if (!runs_) return EndedMeanwhile();
    const MutexLock lock(host_.mutex_);
    host_.on_guest_exit_ = std::move(on_exit);
    return absl::OkStatus();
  }
  std::string FirstProcess() const override { return runs_ ? absl::StrCat("process of ", uid_) : ""; }
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions&) override {
    return absl::UnimplementedError("a fake runs nothing");
  }
  absl::Status Stop(absl::Time) override {
    if (absl::Status status = host_.Step(kStopGuest); !status.ok()) return status;
    return DetachLink();
  }

 private:
  FakeHost& host_;
  const std::string uid_;
  bool attached_ = false;
  bool runs_ = false;
  bool left_ = false;
};

class FakeHost::FakeWorker : public Worker {
 public:
  FakeWorker(FakeHost& host, std::string uid) : host_(host), uid_(std::move(uid)) { host_.Count(kWorkers, 1); }
  FakeWorker(FakeHost& host, std::string uid, LeftWorker left) : host_(host), uid_(std::move(uid)), is_(std::move(left)) {}
  ~FakeWorker() override {
    if (left_) return;
    host_.Count(kWorkerPorts, -static_cast<int>(is_.ports.size()));
    host_.Count(kWorkers, -1);
  }
  void Leave() override {
    left_ = true;
    const MutexLock lock(host_.mutex_);
    host_.left_workers_[uid_] = is_;
  }

  absl::Status Configure(const internal::v1::Configure& config, UniqueFd, UniqueFd) override {
    if (absl::Status status = host_.Step(kConfigure); !status.ok()) return status;
    is_.config = config;
    ShowFloor(config.floor_size());
    std::vector<Endpoint> nameservers;
    for (const std::string& server : config.nameservers()) nameservers.push_back(*Endpoint::Parse(server));
    ShowNameservers(nameservers);
    return ShowConfig();
  }
  absl::StatusOr<bool> Resume(const internal::v1::Configure& config, bool) override {
    if (is_.config.sandbox_uid() != config.sandbox_uid()) return absl::FailedPreconditionError("another sandbox's");
    const bool other = is_.config.policy_generation() != config.policy_generation();
    is_.config = config;
    ShowFloor(config.floor_size());
    ShowConfig().IgnoreError();
    return other;
  }
  absl::StatusOr<UniqueFd> GetLink() override {
    if (!is_.has_link) return absl::NotFoundError("no link");
    return SomeDescriptor();
  }
  absl::StatusOr<std::vector<HeldPort>> GetPorts() override {
    std::vector<HeldPort> ports;
    for (const v1::PortMapping& port : is_.ports) ports.push_back({port, SomeDescriptor()});
    return ports;
  }
  absl::StatusOr<uint64_t> SetPolicy(const v1::NetworkPolicy& policy, uint64_t generation, bool) override {
    if (absl::Status status = host_.Step(kSetPolicy); !status.ok()) return status;
    *is_.config.mutable_policy() = policy;
    is_.config.set_policy_generation(generation);
    ShowConfig().IgnoreError();
    return 0;
  }
  absl::StatusOr<uint64_t> SetFloor(const policy::RuleProtos& rules) override {
    if (absl::Status status = host_.Step(kSetFloor); !status.ok()) return status;
    ShowFloor(rules.size());
    return 0;
  }
  // Nothing is ever judged here.
  absl::StatusOr<internal::v1::EvaluateResult> Evaluate(const internal::v1::Evaluate&) override {
    return internal::v1::EvaluateResult();
  }
  absl::StatusOr<internal::v1::RuleStatsResult> GetRuleStats() override { return internal::v1::RuleStatsResult(); }
  absl::Status AddPort(const v1::PortMapping& port, const UniqueFd& socket) override {
    if (absl::Status status = host_.Step(kAddPort); !status.ok()) return status;
    if (!socket.valid()) return absl::InternalError("a port without a socket");
    is_.ports.push_back(port);
    host_.Count(kWorkerPorts, 1);
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> RemovePort(const v1::PortMapping& port) override {
    const size_t removed =
        std::erase_if(is_.ports, [&port](const v1::PortMapping& of) { return of.host_port() == port.host_port(); });
    if (removed == 0) return absl::NotFoundError("no such port");
    host_.Count(kWorkerPorts, -1);
    return 0;
  }
  absl::Status SetHost(const internal::v1::SetHost& host) override {
    if (absl::Status status = host_.Step(kSetHost); !status.ok()) return status;
    *is_.config.mutable_control_plane() = host.control_plane();
    return ShowConfig();
  }
  absl::Status SetNameservers(const std::vector<Endpoint>& nameservers) override {
    if (absl::Status status = host_.Step(kSetNameservers); !status.ok()) return status;
    ShowNameservers(nameservers);
    return absl::OkStatus();
  }
  absl::Status SetBlockLists(const std::vector<BlockList>&) override { return absl::OkStatus(); }
  absl::Status Update(const internal::v1::UpdateNetwork& update) override {
    *is_.config.mutable_audit() = update.audit();
    return ShowConfig();
  }
  absl::StatusOr<internal::v1::StatsResult> GetStats(uint32_t) override { return internal::v1::StatsResult(); }
  absl::StatusOr<UniqueFd> StartCapture(const internal::v1::StartCapture&) override {
    return absl::UnavailableError("there are no frames here");
  }
  absl::Status RecordEvent(const v1::LifecycleEvent&) override { return host_.Step(kRecord); }
  absl::Status AttachLink(UniqueFd) override {
    is_.has_link = true;
    return host_.Step(kAttachWorker);
  }
  absl::Status DetachLink() override {
    is_.has_link = false;
    return absl::OkStatus();
  }
  void Shutdown(const v1::LifecycleEvent&) override {}

 private:
  void ShowFloor(int rules) {
    const MutexLock lock(host_.mutex_);
    host_.floor_rules_ = rules;
  }
  void ShowNameservers(const std::vector<Endpoint>& nameservers) {
    const MutexLock lock(host_.mutex_);
    host_.nameservers_ = nameservers;
  }
  absl::Status ShowConfig() {
    const MutexLock lock(host_.mutex_);
    host_.config_ = is_.config;
    return absl::OkStatus();
  }

  FakeHost& host_;
  const std::string uid_;
  LeftWorker is_;
  bool left_ = false;
};

void FakeHost::FailAt(const std::string& step, const absl::Status& status) {
  const MutexLock lock(mutex_);
  failures_[step] = status;
}

void FakeHost::HoldAt(const std::string& step) {
  const MutexLock lock(mutex_);
  hold_at_ = step;
}

void FakeHost::AwaitHeld() {
  const MutexLock lock(mutex_);
  while (!held_) changed_.Wait(mutex_);
}

void FakeHost::Release() {
  const MutexLock lock(mutex_);
  hold_at_.clear();
  changed_.NotifyAll();
}

std::vector<std::string> FakeHost::TakeSteps() {
  const MutexLock lock(mutex_);
  return std::exchange(steps_, {});
}

std::map<std::string, int> FakeHost::Existing() const {
  const MutexLock lock(mutex_);
  std::map<std::string, int> existing = existing_;
  std::erase_if(existing, [](const auto& entry) { return entry.second == 0; });
  return existing;
}

void FakeHost::EndWorker(const std::string& how) {
  std::function<void(const std::string&)> on_exit;
  {
    const MutexLock lock(mutex_);
    on_exit = on_worker_exit_;
  }
  on_exit(how);
}

void FakeHost::EndGuest(const ProcessExit& exit) {
  std::function<void(ProcessExit)> on_exit;
  {
    const MutexLock lock(mutex_);
    on_exit = on_guest_exit_;
  }
  on_exit(exit);
}

std::vector<Endpoint> FakeHost::nameservers() const {
  const MutexLock lock(mutex_);
  return nameservers_;
}

int FakeHost::floor_rules() const {
  const MutexLock lock(mutex_);
  return floor_rules_;
}

absl::StatusOr<BoundPort> FakeHost::BindPort(const v1::PortMapping& port) {
  if (absl::Status status = Step(kBindPort); !status.ok()) return status;
  BoundPort bound{.mapping = port, .socket = SomeDescriptor()};
  const MutexLock lock(mutex_);
  if (port.host_port() == 0) bound.mapping.set_host_port(++last_port_);
  return bound;
}

absl::StatusOr<std::unique_ptr<Guest>> FakeHost::Create(const v1::Guest&, const GuestIdentity& identity) {
  if (absl::Status status = Step(kCreateGuest); !status.ok()) return status;
  return std::make_unique<FakeGuest>(*this, identity.sandbox_uid);
}

absl::StatusOr<std::unique_ptr<Guest>> FakeHost::Adopt(const v1::Guest&, const GuestIdentity& identity,
                                                       GuestFactory::Left) {
  if (absl::Status status = Step(kAdoptGuest); !status.ok()) return status;
  const MutexLock lock(mutex_);
  const auto left = left_guests_.extract(identity.sandbox_uid);
  if (left.empty()) return absl::FailedPreconditionError("there is no such guest");
  return std::make_unique<FakeGuest>(*this, identity.sandbox_uid, left.mapped());
}

absl::StatusOr<std::unique_ptr<Worker>> FakeHost::Launch(const WorkerLauncher::Options& options) {
  if (absl::Status status = Step(kLaunch); !status.ok()) return status;
  {
    const MutexLock lock(mutex_);
    on_worker_exit_ = options.on_exit;
  }
  return std::make_unique<FakeWorker>(*this, UidOf(options.directory));
}

absl::StatusOr<std::unique_ptr<Worker>> FakeHost::Adopt(const WorkerLauncher::Options& options) {
  if (absl::Status status = Step(kAdoptWorker); !status.ok()) return status;
  const MutexLock lock(mutex_);
  const auto left = left_workers_.extract(UidOf(options.directory));
  if (left.empty()) return absl::NotFoundError("there is no such worker");
  on_worker_exit_ = options.on_exit;
  return std::make_unique<FakeWorker>(*this, UidOf(options.directory), std::move(left.mapped()));
}

internal::v1::Configure FakeHost::config() const {
  const MutexLock lock(mutex_);
  return config_;
}

void FakeHost::LoseWorker(const std::string& uid) {
  const MutexLock lock(mutex_);
  existing_[kWorkerPorts] -= static_cast<int>(left_workers_.at(uid).ports.size());
  --existing_[kWorkers];
  left_workers_.erase(uid);
}

void FakeHost::LoseGuest(const std::string& uid) {
  const MutexLock lock(mutex_);
  left_guests_.at(uid).runs = false;
}

void FakeHost::LeavePort(const std::string& uid, const v1::PortMapping& port) {
  const MutexLock lock(mutex_);
  left_workers_.at(uid).ports.push_back(port);
  ++existing_[kWorkerPorts];
}

absl::Status FakeHost::Step(const std::string& step) {
  const MutexLock lock(mutex_);
  steps_.push_back(step);
  if (hold_at_ == step) {
    held_ = true;
    changed_.NotifyAll();
    while (hold_at_ == step) changed_.Wait(mutex_);
    held_ = false;
  }
  return failures_[step];
}

void FakeHost::Count(const std::string& what, int by) {
  const MutexLock lock(mutex_);
  existing_[what] += by;
}

}  // namespace sluice
