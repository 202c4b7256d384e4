#ifndef SLUICE_SERVER_GUEST_OCI_GUEST_H_
#define SLUICE_SERVER_GUEST_OCI_GUEST_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "netsvc/base/ip_address.h"
#include "server/base/mutex.h"
#include "server/guest/guest.h"
#include "server/guest/guest_life.h"
#include "server/guest/guest_link.h"
#include "server/guest/io_thread.h"
#include "server/guest/local_process.h"
#include "server/guest/oci_config.h"
#include "server/guest/oci_runtime.h"

namespace sluice {

// A container that this server runs, in a network namespace of its own.
//
// Its files are one directory, the bundle:
//
//     config.json  what the runtime is told; gone once it runs
//     rootfs/      where its root is mounted, as only the runtime sees it
//     layer/       likewise, of its writable layer
//     exec-N.*     while a program is started
//
// In gVisor (OciRuntime::is_gvisor) AttachLink is FailedPrecondition once it was
// started, and Files always; programs of an earlier server's go on.
class OciGuest : public Guest {
 public:
  struct Options {
    std::string id;         // names container and cgroup; never used twice
    std::string directory;  // the bundle, which does not exist yet; absolute
    std::string rootfs;     // on the host; absolute, without symbolic links
    std::vector<IpAddress> nameservers;
    // Without `rootfs` and `netns_path`.
    OciContainer container;
  };

  // `runtime` and `io` outlive it. Makes the bundle.
  static absl::StatusOr<std::unique_ptr<OciGuest>> Create(const OciRuntime& runtime, IoThread& io, NetNamespace netns,
                                                          Options options);
  // The guest of an earlier server, or what there is of it, by the note of its
  // first process and a descriptor of its interface, both as far as they are known.
  // Never fails for a guest that has ended: it can still be stopped.
  static absl::StatusOr<std::unique_ptr<OciGuest>> Adopt(const OciRuntime& runtime, IoThread& io, Options options,
                                                         const std::string& first_process, UniqueFd link);
  ~OciGuest() override;
  void Leave() override;

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig& config) override;
  absl::StatusOr<UniqueFd> LinkDescriptor() override { return link_.Descriptor(); }
  absl::Status DetachLink() override { return link_.Detach(); }
  absl::Status Start(std::function<void(ProcessExit)> on_exit) override;
  absl::Status Resume(std::function<void(ProcessExit)> on_exit) override;
  std::string FirstProcess() const override;
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions& options) override;
  absl::StatusOr<std::unique_ptr<GuestFiles>> Files() override;
  absl::Status Stop(absl::Time deadline) override;

 private:
  OciGuest(const OciRuntime& runtime, IoThread& io, NetNamespace netns, Options options);

  absl::StatusOr<OciRuntime::Process> RunContainer();
  // Descriptors of the first process.
  struct Init {
    UniqueFd to_kill;
    UniqueFd to_reap;
    UniqueFd root;         // its root directory
    Orphans::Claim claim;  // where this server started it
  };
  static absl::StatusOr<Init> OpenInit(pid_t pid, UniqueFd pidfd);
  void Watch(Init init, std::function<void(ProcessExit)> on_exit) REQUIRES(transition_);
  // Ends programs that the guest's own processes did not start.
  absl::Status EndPrograms() const;
  absl::StatusOr<Init> LaunchInit() REQUIRES(transition_);
  absl::StatusOr<OciProcess> ToProcess(const ExecOptions& options) const;
  absl::StatusOr<std::unique_ptr<GuestProcess>> StartProgram(OciProcess process);
  // Start a program, with pipes or a terminal; return it without its pids.
  struct Program {
    OciRuntime::Process process;
    LocalProcess::Options streams;
  };
  // LocalProcess::Options::signal of a program that runs as `process` in gVisor.
  std::function<void(int)> SendsSignals(OciProcess process, pid_t group) const;
  absl::StatusOr<Program> StartWithPipes(OciRuntime::Exec exec) const;
  absl::StatusOr<Program> StartWithTerminal(OciRuntime::Exec exec) const;
  absl::Status AwaitEnd(absl::Time deadline) const;

  const OciRuntime& runtime_;
  IoThread& io_;
  Options options_;
  GuestLink link_;
  const std::shared_ptr<GuestLife> life_ = std::make_shared<GuestLife>();
  std::atomic<uint64_t> execs_ = 0;
  // Held while it starts or stops.
  mutable Mutex transition_;
  bool started_ GUARDED_BY(transition_) = false;
  bool stopped_ GUARDED_BY(transition_) = false;
  bool left_ GUARDED_BY(transition_) = false;
  std::optional<Init> adopted_ GUARDED_BY(transition_);  // until Resume
  std::string first_process_ GUARDED_BY(transition_);
  pid_t first_pid_ = 0;  // of an adopted guest
  Mutex root_mutex_;
  UniqueFd root_ GUARDED_BY(root_mutex_);  // of the guest's files, while it runs
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_OCI_GUEST_H_
