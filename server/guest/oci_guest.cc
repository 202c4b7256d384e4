#include "server/guest/oci_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/guest/guest_user.h"
#include "server/guest/mount_namespace.h"
#include "server/guest/oci_config.h"
#include "server/guest/overlay_root.h"
#include "server/guest/piped_process.h"

namespace sluice {
namespace {

constexpr size_t kMaxProcStatus = 64 << 10;  // bytes
constexpr mode_t kPrivate = 0700;

absl::Status MakeBundle(const std::string& path) {
  for (const std::string& directory : {path, absl::StrCat(path, "/layer"), absl::StrCat(path, "/rootfs")}) {
    if (mkdir(directory.c_str(), kPrivate) != 0) return ErrnoError(errno, absl::StrCat("make directory ", directory));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenPidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return ErrnoError(errno, "pidfd_open");
  return fd;
}

// The process's number in its own namespace: the last of NSpid. 0: it is gone.
pid_t GuestPidOf(pid_t pid) {
  const absl::StatusOr<std::string> status = ReadFile(absl::StrCat("/proc/", pid, "/status"), kMaxProcStatus);
  if (!status.ok()) return 0;
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (!absl::ConsumePrefix(&line, "NSpid:")) continue;
    const std::vector<absl::string_view> numbers = absl::StrSplit(line, '\t', absl::SkipEmpty());
    pid_t last = 0;
    return !numbers.empty() && absl::SimpleAtoi(numbers.back(), &last) ? last : 0;
  }
  return 0;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoError(errno, "pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void SetNonBlocking(const UniqueFd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

std::map<std::string, std::string> Merged(const google::protobuf::Map<std::string, std::string>& base,
                                          const std::map<std::string, std::string>& over) {
  std::map<std::string, std::string> env = over;
  for (const auto& [name, value] : base) env.try_emplace(name, value);
  return env;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OciGuest>> OciGuest::Create(const Host& host, const v1::OciGuest& spec,
                                                           const GuestIdentity& identity) {
  absl::StatusOr<NetNamespace> netns = NetNamespace::Create();
  if (!netns.ok()) return netns.status();
  std::unique_ptr<OciGuest> guest(new OciGuest(host, spec, identity, *std::move(netns)));
  const absl::Status made = MakeBundle(guest->bundle_);
  if (!made.ok()) return made;  // the destructor removes what there is
  return guest;
}

OciGuest::OciGuest(const Host& host, const v1::OciGuest& spec, const GuestIdentity& identity, NetNamespace netns)
    : host_(host),
      spec_(spec),
      identity_(identity),
      bundle_(absl::StrCat(host.bundles, "/", identity.sandbox_uid)),
      netns_(std::move(netns)) {}

OciGuest::~OciGuest() { Stop(absl::Now() + kCallTimeout).IgnoreError(); }

absl::StatusOr<UniqueFd> OciGuest::AttachLink(const LinkConfig& config) {
  const MutexLock lock(mutex_);
  if (!netns_) return absl::FailedPreconditionError("the guest has ended");
  absl::StatusOr<std::unique_ptr<TapLink>> link = TapLink::Create(*netns_, config);
  if (!link.ok()) return link.status();
  link_ = *std::move(link);
  return link_->Duplicate();
}

absl::StatusOr<UniqueFd> OciGuest::LinkDescriptor() {
  const MutexLock lock(mutex_);
  if (link_ == nullptr) return absl::FailedPreconditionError("the guest has no link");
  return link_->Duplicate();
}

absl::Status OciGuest::DetachLink() {
  const MutexLock lock(mutex_);
  if (link_ == nullptr) return absl::OkStatus();
  const absl::Status removed = link_->Remove();
  if (removed.ok()) link_ = nullptr;
  return removed;
}

absl::StatusOr<pid_t> OciGuest::RunContainer() {
  const absl::StatusOr<GuestUser> user = GuestUser::Parse(spec_.user());
  if (!user.ok()) return InField("oci", user.status());
  OciContainer container;
  container.process.args.assign(spec_.args().begin(), spec_.args().end());
  if (container.process.args.empty()) container.process.args = {OciContainer::kInitPath};
  container.process.env = Merged(spec_.env(), {});
  container.process.working_directory = spec_.working_directory();
  container.process.user = *user;
  container.hostname = identity_.sandbox_id;
  container.rootfs = absl::StrCat(bundle_, "/rootfs");
  container.init_path = host_.init_path;
  container.cgroup = absl::StrCat("/sluice-", identity_.sandbox_uid);
  if (spec_.rootfs().empty()) container.masked_directories = {host_.state_dir};
  container.memory_bytes = spec_.memory_bytes();
  container.cpus = spec_.cpus();
  container.max_processes = spec_.max_processes();
  {
    const MutexLock lock(mutex_);
    if (!netns_) return absl::FailedPreconditionError("the guest has ended");
    container.netns_path = netns_->path();
  }
  const OverlayRoot root{.directory = spec_.rootfs().empty() ? "/" : spec_.rootfs(),
                         .hostname = identity_.sandbox_id,
                         .nameservers = identity_.nameservers,
                         .layer_path = absl::StrCat(bundle_, "/layer"),
                         .mount_path = container.rootfs};
  pid_t pid = 0;
  const absl::Status status = RunInMountNamespace([&]() -> absl::Status {
    if (absl::Status mounted = root.Mount(); !mounted.ok()) return mounted;
    absl::Status written = WriteFile(absl::StrCat(bundle_, "/config.json"), OciConfigJson(container), 0600);
    if (!written.ok()) return written;
    const absl::StatusOr<pid_t> started =
        host_.runtime.Run(identity_.sandbox_uid, bundle_, container.process.args.front());
    if (started.ok()) pid = *started;
    return started.status();
  });
  if (!status.ok()) return InField("oci", status);
  return pid;
}

absl::Status OciGuest::Start(std::function<void(ProcessExit)> on_exit) {
  const absl::StatusOr<pid_t> pid = RunContainer();
  absl::StatusOr<UniqueFd> pidfd = pid.ok() ? OpenPidfd(*pid) : pid.status();
  if (!pidfd.ok()) {
    host_.runtime.Delete(identity_.sandbox_uid).IgnoreError();
    return pidfd.status();
  }
  {
    const MutexLock lock(running_->mutex);
    ++running_->processes;
  }
  host_.io.ReapOnExit(*std::move(pidfd), [running = running_, on_exit = std::move(on_exit)](ProcessExit exit) {
    bool by_itself;
    {
      const MutexLock lock(running->mutex);
      by_itself = !running->stopping;
      running->ended = true;
      --running->processes;
      running->changed.NotifyAll();
    }
    if (by_itself) on_exit(exit);
  });
  return absl::OkStatus();
}

std::string OciGuest::ExecPrefix() {
  const MutexLock lock(mutex_);
  return absl::StrCat(bundle_, "/exec-", ++last_exec_);
}

absl::StatusOr<std::unique_ptr<GuestProcess>> OciGuest::Exec(const ExecOptions& options) {
  if (options.args.empty() || options.args.front().empty()) return FieldError("args", "a program is required");
  const absl::StatusOr<GuestUser> user = GuestUser::Parse(options.user.empty() ? spec_.user() : options.user);
  if (!user.ok()) return user.status();
  {
    const MutexLock lock(running_->mutex);
    if (running_->ended || running_->stopping) return absl::FailedPreconditionError("the guest has ended");
    ++running_->processes;
  }
  const auto forget = [running = running_] {
    const MutexLock lock(running->mutex);
    --running->processes;
    running->changed.NotifyAll();
  };
  std::array<absl::StatusOr<Pipe>, 3> pipes = {MakePipe(), MakePipe(), MakePipe()};
  for (const absl::StatusOr<Pipe>& pipe : pipes) {
    if (pipe.ok()) continue;
    forget();
    return pipe.status();
  }
  OciRuntime::Exec exec{.id = identity_.sandbox_uid, .prefix = ExecPrefix(), .process = {}};
  exec.process = {.args = options.args,
                  .env = Merged(spec_.env(), options.env),
                  .working_directory =
                      options.working_directory.empty() ? spec_.working_directory() : options.working_directory,
                  .user = *user};
  exec.stdin_fd = pipes[0]->read.get();
  exec.stdout_fd = pipes[1]->write.get();
  exec.stderr_fd = pipes[2]->write.get();
  const absl::StatusOr<pid_t> pid = host_.runtime.Start(exec);
  absl::StatusOr<UniqueFd> pidfd = pid.ok() ? OpenPidfd(*pid) : pid.status();
  if (!pidfd.ok()) {
    forget();
    return pidfd.status();
  }
  for (const UniqueFd* fd : {&pipes[0]->write, &pipes[1]->read, &pipes[2]->read}) SetNonBlocking(*fd);
  return std::make_unique<PipedProcess>(host_.io, PipedProcess::Options{.host_pid = *pid,
                                                                        .guest_pid = GuestPidOf(*pid),
                                                                        .pidfd = *std::move(pidfd),
                                                                        .stdin_fd = std::move(pipes[0]->write),
                                                                        .stdout_fd = std::move(pipes[1]->read),
                                                                        .stderr_fd = std::move(pipes[2]->read),
                                                                        .on_reaped = forget});
}

bool OciGuest::AwaitEnd(absl::Time deadline) {
  const MutexLock lock(running_->mutex);
  while (running_->processes > 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    running_->changed.WaitFor(running_->mutex, left);
  }
  return true;
}

absl::Status OciGuest::Stop(absl::Time deadline) {
  {
    const MutexLock lock(running_->mutex);
    running_->stopping = true;
  }
  if (absl::Status deleted = host_.runtime.Delete(identity_.sandbox_uid); !deleted.ok()) return deleted;
  if (!AwaitEnd(deadline)) return absl::DeadlineExceededError("the guest's processes do not end");
  if (absl::Status detached = DetachLink(); !detached.ok()) return detached;
  {
    const MutexLock lock(mutex_);
    netns_.reset();
  }
  std::error_code error;
  std::filesystem::remove_all(bundle_, error);
  if (error) return absl::InternalError(absl::StrCat("removing ", bundle_, ": ", error.message()));
  return absl::OkStatus();
}

}  // namespace sluice
