#ifndef SLUICE_SERVER_GUEST_VM_GUEST_H_
#define SLUICE_SERVER_GUEST_VM_GUEST_H_

#include <memory>
#include <optional>
#include <string>

#include "server/base/cgroup.h"
#include "server/base/mutex.h"
#include "server/guest/boot_files.h"
#include "server/guest/call_limit.h"
#include "server/guest/guest.h"
#include "server/guest/guest_agent.h"
#include "server/guest/guest_life.h"
#include "server/guest/io_thread.h"
#include "server/guest/qemu_command.h"
#include "server/worker/worker_ids.h"

namespace sluice {

// A virtual machine that this server runs, with QEMU.
//
// Its network is a pair of datagram sockets, a frame each: QEMU has one end, the
// worker the other, and the server keeps that too, so that the machine outlives any
// worker. (A stream would break with its worker, and QEMU 7.2 does not reconnect.)
// QEMU holds the worker's end as well, untouched, so that it outlives worker and
// server together: the next server takes it from there (pidfd_getfd(2)). Under
// PRESET_NONE its carrier is off.
//
// Its files are one directory:
//
//     monitor.sock  QEMU's monitor (QMP)
//     agent.sock    the port of the guest's agent
//     qemu.pid      a note of the process (server/base/process_note.h)
class VmGuest : public Guest {
 public:
  struct Options {
    std::string directory;  // which does not exist yet; absolute
    // Without user and what follows from `vm`.
    QemuCommand command;
    const v1::VmGuest& vm;
    std::unique_ptr<WorkerIds::Lease> user;  // QEMU's own
    std::unique_ptr<Cgroup> cpu_group;       // QEMU's, with its weight; null: none
  };
  struct Left {
    std::string directory;  // as Options::directory
    std::string name;       // as in its QemuCommand
    WorkerIds& users;       // as of Options::user
    std::unique_ptr<Cgroup> cpu_group;  // as Options::cpu_group
  };
  static constexpr uint64_t kDefaultMemoryBytes = 512 << 20;
  // Each has a thread, and a piece of its output at most is in memory (AgentOutput).
  static constexpr int kMaxPrograms = 16;
  // Calls about files, streams until they end: while the agent keeps one waiting, it
  // has one of the server's threads (SandboxManager::kThreads), of which others need
  // some.
  static constexpr int kMaxFileCalls = 8;
  // Of programs at once, likewise.
  static constexpr int kMaxStarts = 4;
  static constexpr char kProcessNote[] = "qemu.pid";

  // As BootFiles::Open. `io` outlives it. A failure leaves nothing.
  static absl::StatusOr<std::unique_ptr<VmGuest>> Create(IoThread& io, Options options);
  // The machine of an earlier server, or what there is of it, by the note in its
  // directory. A machine whose network cannot be had is ended. Never fails: it can
  // still be stopped.
  static std::unique_ptr<VmGuest> Adopt(IoThread& io, Left left);
  ~VmGuest() override;
  void Leave() override;

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig& config) override;
  absl::StatusOr<UniqueFd> LinkDescriptor() override;
  absl::Status DetachLink() override;
  // Returns once QEMU has taken everything and lets the machine run. The machine
  // ends by itself where it is powered off, and where it reboots. FieldError of "disk"
  // where that has come to name other files since Create().
  absl::Status Start(std::function<void(ProcessExit)> on_exit) override;
  // Programs of Exec are the agent's: they go on in the machine.
  absl::Status Resume(std::function<void(ProcessExit)> on_exit) override;
  // FailedPrecondition where no agent answers; ResourceExhausted where kMaxPrograms
  // run or kMaxStarts are under way; DeadlineExceeded past kCallTimeout; see FindTools
  // and AgentProcess.
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions& options) override;
  // FailedPrecondition likewise; see AgentFiles; ResourceExhausted where kMaxFileCalls are under way.
  absl::StatusOr<std::unique_ptr<GuestFiles>> Files() override;
  // At once, as by pulling the plug: its disk is forgotten in any case.
  absl::Status Stop(absl::Time deadline) override;

 private:
  struct Link {
    UniqueFd qemu;
    UniqueFd worker;
    bool up = false;
  };

  VmGuest(IoThread& io, std::string directory, QemuCommand command, std::unique_ptr<WorkerIds::Lease> user,
          std::unique_ptr<Cgroup> cpu_group);

  // Starts QEMU, halted, with KVM where that works. Returns its pidfd; errors are those
  // of the last try.
  absl::StatusOr<UniqueFd> Launch() REQUIRES(transition_);
  // One try. FailedPrecondition, with QEMU's words, where QEMU ends; nothing runs then.
  absl::StatusOr<UniqueFd> LaunchOnce(const QemuCommand& command) REQUIRES(transition_);
  // What Exec does, but for counting.
  absl::StatusOr<std::unique_ptr<GuestProcess>> StartProcess(const ExecOptions& options);
  void Watch(UniqueFd pidfd, std::function<void(ProcessExit)> on_exit) REQUIRES(transition_);
  // Gives QEMU its weight.
  void EnterCpuGroup(pid_t pid) const REQUIRES(transition_);
  absl::Status SetCarrier(bool up) REQUIRES(transition_);
  // FieldError of "disk" where QEMU opened more than it was given.
  absl::Status CheckOpened() const;
  // One command of QEMU's monitor, and what it returns.
  absl::StatusOr<nlohmann::json> Ask(const char* name, const nlohmann::json& arguments) const;
  absl::Status Command(const char* name, const nlohmann::json& arguments) const;

  IoThread& io_;
  const std::string directory_;
  const QemuCommand command_;
  const std::unique_ptr<WorkerIds::Lease> user_;
  const std::shared_ptr<GuestAgent> agent_;
  const std::shared_ptr<GuestLife> life_ = std::make_shared<GuestLife>();
  CallLimit file_calls_{kMaxFileCalls, "calls about files"};
  CallLimit starts_{kMaxStarts, "starts of programs"};
  // Held while it starts or stops, or its carrier changes.
  Mutex transition_;
  BootFiles files_ GUARDED_BY(transition_);  // until it has started
  std::unique_ptr<Cgroup> cpu_group_ GUARDED_BY(transition_);
  Link link_ GUARDED_BY(transition_);
  bool started_ GUARDED_BY(transition_) = false;
  bool stopped_ GUARDED_BY(transition_) = false;
  bool left_ GUARDED_BY(transition_) = false;
  std::optional<UniqueFd> adopted_ GUARDED_BY(transition_);  // a pidfd, until Resume
  absl::Status ended_ GUARDED_BY(transition_);               // of an adopted machine: OK, or what Resume says
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_VM_GUEST_H_
