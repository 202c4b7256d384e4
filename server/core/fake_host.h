#ifndef SLUICE_SERVER_CORE_FAKE_HOST_H_
#define SLUICE_SERVER_CORE_FAKE_HOST_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/core/port_binder.h"
#include "server/guest/guest_factory.h"
#include "server/worker/worker.h"

namespace sluice {

// A host for tests of what is made on it: guests, links, workers and ports that
// are counted, whose every step can fail or be held up. Outlives what is made on
// it. Any thread.
class FakeHost : public GuestFactory, public WorkerLauncher {
 public:
  // Steps, in the order in which a creation takes them.
  static constexpr char kCreateGuest[] = "create guest";
  static constexpr char kAttachGuest[] = "attach guest";
  static constexpr char kBindPort[] = "bind port";
  static constexpr char kLaunch[] = "launch worker";
  static constexpr char kConfigure[] = "configure worker";
  static constexpr char kAttachWorker[] = "attach worker";
  static constexpr char kAddPort[] = "add port";
  static constexpr char kStartGuest[] = "start guest";
  static constexpr char kRecord[] = "record event";
  // And others.
  static constexpr char kStopGuest[] = "stop guest";
  static constexpr char kSetPolicy[] = "set policy";
  static constexpr char kSetFloor[] = "set floor";
  static constexpr char kSetHost[] = "set host";
  static constexpr char kSetNameservers[] = "set nameservers";
  static constexpr char kAdoptWorker[] = "adopt worker";
  static constexpr char kAdoptGuest[] = "adopt guest";

  // The step answers with `status` from now on; OK lets it succeed again.
  void FailAt(const std::string& step, const absl::Status& status);
  // Whoever comes to the step next waits there until Release().
  void HoldAt(const std::string& step);
  // Waits until somebody does.
  void AwaitHeld();
  void Release();

  // The steps that were taken, since the start or the last call.
  std::vector<std::string> TakeSteps();

  // What there is now of things that must not be left: name and number, without
  // those of which there is none.
  std::map<std::string, int> Existing() const;

  // The last worker's process, or the last guest's, ends by itself.
  void EndWorker(const std::string& how);
  void EndGuest(const ProcessExit& exit);
  // What the last worker was told of the host's resolvers, and has in force.
  std::vector<Endpoint> nameservers() const;
  // How many floor rules the last worker that was told of them has.
  int floor_rules() const;
  internal::v1::Configure config() const;

  // While no server is there: the worker, or the guest's first process, of the
  // sandbox ends; its worker is given a port that nobody asked for.
  void LoseWorker(const std::string& uid);
  void LoseGuest(const std::string& uid);
  void LeavePort(const std::string& uid, const v1::PortMapping& port);

  absl::StatusOr<BoundPort> BindPort(const v1::PortMapping& port);
  absl::StatusOr<std::unique_ptr<Guest>> Create(const v1::Guest& spec, const GuestIdentity& identity) override;
  absl::StatusOr<std::unique_ptr<Guest>> Adopt(const v1::Guest& spec, const GuestIdentity& identity,
                                               GuestFactory::Left left) override;
  absl::StatusOr<std::unique_ptr<Worker>> Launch(const WorkerLauncher::Options& options) override;
  absl::StatusOr<std::unique_ptr<Worker>> Adopt(const WorkerLauncher::Options& options) override;

 private:
  // What of a sandbox outlives its server. By uid: the last part of a worker's directory.
  struct LeftWorker {
    std::vector<v1::PortMapping> ports;
    bool has_link = false;
    internal::v1::Configure config;
  };
  struct LeftGuest {
    bool attached = false;
    bool runs = false;
  };
  class FakeGuest;
  class FakeWorker;

  absl::Status Step(const std::string& step);
  void Count(const std::string& what, int by);

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, absl::Status> failures_ GUARDED_BY(mutex_);
  std::string hold_at_ GUARDED_BY(mutex_);
  bool held_ GUARDED_BY(mutex_) = false;
  std::vector<std::string> steps_ GUARDED_BY(mutex_);
  std::map<std::string, int> existing_ GUARDED_BY(mutex_);
  std::function<void(const std::string&)> on_worker_exit_ GUARDED_BY(mutex_);
  std::function<void(ProcessExit)> on_guest_exit_ GUARDED_BY(mutex_);
  std::vector<Endpoint> nameservers_ GUARDED_BY(mutex_);
  int floor_rules_ GUARDED_BY(mutex_) = 0;
  internal::v1::Configure config_ GUARDED_BY(mutex_);
  std::map<std::string, LeftWorker> left_workers_ GUARDED_BY(mutex_);
  std::map<std::string, LeftGuest> left_guests_ GUARDED_BY(mutex_);
  uint32_t last_port_ GUARDED_BY(mutex_) = 40'000;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_FAKE_HOST_H_
