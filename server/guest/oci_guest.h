#ifndef SLUICE_SERVER_GUEST_OCI_GUEST_H_
#define SLUICE_SERVER_GUEST_OCI_GUEST_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/guest/guest.h"
#include "server/guest/guest_factory.h"
#include "server/guest/io_thread.h"
#include "server/guest/net_namespace.h"
#include "server/guest/oci_runtime.h"
#include "server/guest/tap_link.h"

namespace sluice {

// A container that this server runs, in a network namespace of its own.
class OciGuest : public Guest {
 public:
  // What it lives with; outlives it.
  struct Host {
    const OciRuntime& runtime;
    IoThread& io;
    std::string state_dir;  // not seen by the guest
    std::string bundles;    // a directory: one bundle a guest below it
    std::string init_path;
  };

  static absl::StatusOr<std::unique_ptr<OciGuest>> Create(const Host& host, const v1::OciGuest& spec,
                                                          const GuestIdentity& identity);
  ~OciGuest() override;

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig& config) override;
  absl::StatusOr<UniqueFd> LinkDescriptor() override;
  absl::Status DetachLink() override;
  absl::Status Start(std::function<void(ProcessExit)> on_exit) override;
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions& options) override;
  absl::Status Stop(absl::Time deadline) override;

 private:
  // Shared with the I/O thread: what of the guest still runs.
  struct Running {
    Mutex mutex;
    CondVar changed;
    int processes GUARDED_BY(mutex) = 0;  // not reaped yet
    bool stopping GUARDED_BY(mutex) = false;
    bool ended GUARDED_BY(mutex) = false;  // the first process
  };

  OciGuest(const Host& host, const v1::OciGuest& spec, const GuestIdentity& identity, NetNamespace netns);

  absl::StatusOr<pid_t> RunContainer();
  std::string ExecPrefix();
  bool AwaitEnd(absl::Time deadline);

  const Host& host_;
  const v1::OciGuest spec_;
  const GuestIdentity identity_;
  const std::string bundle_;
  const std::shared_ptr<Running> running_ = std::make_shared<Running>();

  Mutex mutex_;  // one call at a time on what follows
  std::optional<NetNamespace> netns_ GUARDED_BY(mutex_);
  std::unique_ptr<TapLink> link_ GUARDED_BY(mutex_);
  uint64_t last_exec_ GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_OCI_GUEST_H_
