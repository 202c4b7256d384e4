#include "server/core/fake_host.h"

#include <fcntl.h>

#include <set>
#include <utility>

namespace sluice {
namespace {

constexpr char kGuests[] = "guests";
constexpr char kLinks[] = "links";
constexpr char kWorkers[] = "workers";
constexpr char kWorkerPorts[] = "ports of workers";

UniqueFd SomeDescriptor() { return UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)); }

}  // namespace

class FakeHost::FakeGuest : public Guest {
 public:
  explicit FakeGuest(FakeHost& host) : host_(host) { host_.Count(kGuests, 1); }
  ~FakeGuest() override {
    DetachLink().IgnoreError();
    host_.Count(kGuests, -1);
  }

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig&) override {
    if (absl::Status status = host_.Step(kAttachGuest); !status.ok()) return status;
    attached_ = true;
    host_.Count(kLinks, 1);
    return SomeDescriptor();
  }
  absl::StatusOr<UniqueFd> LinkDescriptor() override { return SomeDescriptor(); }
  absl::Status DetachLink() override {
    if (std::exchange(attached_, false)) host_.Count(kLinks, -1);
    return absl::OkStatus();
  }
  absl::Status Start(std::function<void(ProcessExit)> on_exit) override {
    if (absl::Status status = host_.Step(kStartGuest); !status.ok()) return status;
    const MutexLock lock(host_.mutex_);
    host_.on_guest_exit_ = std::move(on_exit);
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions&) override {
    return absl::UnimplementedError("a fake runs nothing");
  }
  absl::Status Stop(absl::Time) override {
    if (absl::Status status = host_.Step(kStopGuest); !status.ok()) return status;
    return DetachLink();
  }

 private:
  FakeHost& host_;
  bool attached_ = false;
};

class FakeHost::FakeWorker : public Worker {
 public:
  explicit FakeWorker(FakeHost& host) : host_(host) { host_.Count(kWorkers, 1); }
  ~FakeWorker() override {
    host_.Count(kWorkerPorts, -static_cast<int>(ports_.size()));
    host_.Count(kWorkers, -1);
  }

  absl::Status Configure(const internal::v1::Configure& config, UniqueFd, UniqueFd) override {
    {
      const MutexLock lock(host_.mutex_);
      host_.floor_rules_ = config.floor_size();
    }
    return host_.Step(kConfigure);
  }
  absl::StatusOr<uint64_t> SetPolicy(const v1::NetworkPolicy&, uint64_t, bool) override {
    if (absl::Status status = host_.Step(kSetPolicy); !status.ok()) return status;
    return 0;
  }
  absl::StatusOr<uint64_t> SetFloor(const policy::RuleProtos& rules) override {
    const MutexLock lock(host_.mutex_);
    host_.floor_rules_ = rules.size();
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
    if (ports_.insert(port.host_port()).second) host_.Count(kWorkerPorts, 1);
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> RemovePort(const v1::PortMapping& port) override {
    if (ports_.erase(port.host_port()) == 0) return absl::NotFoundError("no such port");
    host_.Count(kWorkerPorts, -1);
    return 0;
  }
  absl::Status SetNameservers(const std::vector<Endpoint>& nameservers) override {
    const MutexLock lock(host_.mutex_);
    host_.nameservers_ = nameservers;
    return absl::OkStatus();
  }
  absl::Status SetBlockLists(const std::vector<BlockList>&) override { return absl::OkStatus(); }
  absl::Status Update(const internal::v1::UpdateNetwork&) override { return absl::OkStatus(); }
  absl::StatusOr<internal::v1::StatsResult> GetStats(uint32_t) override { return internal::v1::StatsResult(); }
  absl::StatusOr<UniqueFd> StartCapture(const internal::v1::StartCapture&) override {
    return absl::UnavailableError("there are no frames here");
  }
  absl::Status RecordEvent(const v1::LifecycleEvent&) override { return host_.Step(kRecord); }
  absl::Status AttachLink(UniqueFd) override { return host_.Step(kAttachWorker); }
  absl::Status DetachLink() override { return absl::OkStatus(); }
  void Shutdown(const v1::LifecycleEvent&) override {}

 private:
  FakeHost& host_;
  std::set<uint32_t> ports_;
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

absl::StatusOr<std::unique_ptr<Guest>> FakeHost::Create(const v1::Guest&, const GuestIdentity&) {
  if (absl::Status status = Step(kCreateGuest); !status.ok()) return status;
  return std::make_unique<FakeGuest>(*this);
}

absl::StatusOr<std::unique_ptr<Worker>> FakeHost::Launch(const WorkerLauncher::Options& options) {
  if (absl::Status status = Step(kLaunch); !status.ok()) return status;
  {
    const MutexLock lock(mutex_);
    on_worker_exit_ = options.on_exit;
  }
  return std::make_unique<FakeWorker>(*this);
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
