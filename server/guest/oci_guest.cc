#include "server/guest/oci_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "server/base/process_note.h"
#include "server/base/process_status.h"
#include "server/guest/console_socket.h"
#include "server/guest/local_files.h"
#include "server/guest/mount_namespace.h"
#include "server/guest/overlay_root.h"
#include "server/guest/run_program.h"
#include "server/guest/signal_sender.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr char kInterfaceName[] = "eth0";
// Arguments and environment are the guest's alone.
constexpr mode_t kPrivateDirectory = 0700;
constexpr unsigned kPrivateFile = 0600;
// How often a guest that ends is looked at for what its runtime left in it.
constexpr absl::Duration kOrphanPeriod = absl::Milliseconds(50);

std::string ConfigPath(const std::string& bundle) { return absl::StrCat(bundle, "/config.json"); }
std::string RootPath(const std::string& bundle) { return absl::StrCat(bundle, "/rootfs"); }
std::string LayerPath(const std::string& bundle) { return absl::StrCat(bundle, "/layer"); }

absl::Status MakeBundle(const std::string& bundle) {
  for (const std::string& path : {bundle, RootPath(bundle), LayerPath(bundle)}) {
    if (mkdir(path.c_str(), kPrivateDirectory) != 0) return ErrnoError(errno, absl::StrCat("make directory ", path));
  }
  return absl::OkStatus();
}

absl::Status RemoveBundle(const std::string& bundle) {
  std::error_code error;
  fs::remove_all(bundle, error);
  return error ? ErrnoError(error.value(), absl::StrCat("remove ", bundle)) : absl::OkStatus();
}

// Of a child of this process that nobody has reaped.
absl::StatusOr<UniqueFd> OpenPidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("pidfd_open ", pid));
  return fd;
}

absl::StatusOr<int64_t> ParentOf(pid_t pid) { return ProcessStatusNumber(pid, "PPid"); }

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;

  static absl::StatusOr<Pipe> Make() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoError(errno, "pipe");
    return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<OciGuest>> OciGuest::Create(const OciRuntime& runtime, IoThread& io, NetNamespace netns,
                                                           Options options) {
  if (const absl::Status status = MakeBundle(options.directory); !status.ok()) {
    RemoveBundle(options.directory).IgnoreError();
    return status;
  }
  return std::unique_ptr<OciGuest>(new OciGuest(runtime, io, std::move(netns), std::move(options)));
}

OciGuest::OciGuest(const OciRuntime& runtime, IoThread& io, NetNamespace netns, Options options)
    : runtime_(runtime), io_(io), options_(std::move(options)), link_(std::move(netns), kInterfaceName) {
  options_.container.rootfs = RootPath(options_.directory);
  options_.container.netns_path = link_.netns().path();
}

absl::StatusOr<std::unique_ptr<OciGuest>> OciGuest::Adopt(const OciRuntime& runtime, IoThread& io, Options options,
                                                          const std::string& first_process, UniqueFd link) {
  absl::StatusOr<NotedProcess> process = FindNotedProcess(first_process);
  const bool runs = process.ok();
  // Of one that has ended the namespace is gone or on its way; this one is empty.
  absl::StatusOr<NetNamespace> netns = runs ? NetNamespace::OfPid(process->pid) : NetNamespace::Create();
  if (!netns.ok()) return netns.status();
  const std::string owner = options.id;
  std::unique_ptr<OciGuest> guest(new OciGuest(runtime, io, *std::move(netns), std::move(options)));
  const MutexLock lock(guest->transition_);
  guest->started_ = true;
  guest->first_process_ = first_process;
  if (!runs) {
    guest->life_->Exited({.known = false});
    return guest;
  }
  guest->first_pid_ = process->pid;
  absl::StatusOr<Init> init = OpenInit(process->pid, std::move(process->pidfd));
  if (!init.ok()) return init.status();
  // What was opened by its number is its own where it still runs.
  if (!FindNotedProcess(first_process).ok()) {
    guest->life_->Exited({.known = false});
    return guest;
  }
  guest->adopted_ = *std::move(init);
  const absl::Status linked = guest->link_.Adopt(owner, std::move(link));
  if (!linked.ok() && !absl::IsNotFound(linked)) return linked;
  return guest;
}

OciGuest::~OciGuest() {
  {
    const MutexLock lock(transition_);
    if (left_) return;
  }
  Stop(absl::Now() + kCallTimeout).IgnoreError();
}

void OciGuest::Leave() {
  link_.Leave();
  const MutexLock lock(transition_);
  left_ = true;
}

absl::StatusOr<OciRuntime::Process> OciGuest::RunContainer() {
  const std::string& bundle = options_.directory;
  const std::string config = ConfigPath(bundle);
  const absl::Cleanup remove_config = [&] { unlink(config.c_str()); };
  const absl::Status written = WriteFile(config, OciConfigJson(options_.container), kPrivateFile);
  if (!written.ok()) return written;
  const OverlayRoot root{.directory = options_.rootfs,
                         .hostname = options_.container.hostname,
                         .nameservers = options_.nameservers,
                         .layer_path = LayerPath(bundle),
                         .mount_path = options_.container.rootfs};
  absl::StatusOr<OciRuntime::Process> process;
  const absl::Status status = RunInMountNamespace([&] {
    if (const absl::Status mounted = root.Mount(); !mounted.ok()) return mounted;
    process = runtime_.Run(options_.id, bundle, options_.container.process.args.front());
    return process.status();
  });
  if (!status.ok()) return status;
  return process;
}

absl::StatusOr<UniqueFd> OciGuest::AttachLink(const LinkConfig& config) {
  const MutexLock lock(transition_);
  if (runtime_.is_gvisor() && started_) {
    return absl::FailedPreconditionError("a guest of gVisor's takes its interface when it starts and no other later");
  }
  return link_.Attach(config);
}

absl::StatusOr<OciGuest::Init> OciGuest::OpenInit(pid_t pid, UniqueFd pidfd) {
  UniqueFd to_reap(fcntl(pidfd.get(), F_DUPFD_CLOEXEC, 0));
  if (!to_reap.valid()) return ErrnoError(errno, "duplicate a descriptor");
  const std::string path = absl::StrCat("/proc/", pid, "/root");
  UniqueFd root(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // One that has ended has none, and needs none.
  if (!root.valid() && errno != ENOENT) return ErrnoError(errno, absl::StrCat("open ", path));
  return Init{.to_kill = std::move(pidfd), .to_reap = std::move(to_reap), .root = std::move(root), .claim = {}};
}

absl::StatusOr<OciGuest::Init> OciGuest::LaunchInit() {
  absl::StatusOr<OciRuntime::Process> process = RunContainer();
  if (!process.ok()) return process.status();
  absl::StatusOr<std::string> note = NoteOfProcess(process->pid);
  absl::StatusOr<UniqueFd> pidfd = OpenPidfd(process->pid);
  absl::Status status = note.ok() ? pidfd.status() : note.status();
  if (status.ok()) {
    absl::StatusOr<Init> init = OpenInit(process->pid, *std::move(pidfd));
    if (init.ok()) {
      first_process_ = *std::move(note);
      init->claim = std::move(process->claim);
      return init;
    }
    status = init.status();
  }
  KillChild(process->pid);  // what cannot be watched must not run
  return status;
}

absl::Status OciGuest::Start(std::function<void(ProcessExit)> on_exit) {
  const MutexLock lock(transition_);
  if (started_ || stopped_) return absl::FailedPreconditionError("the guest was started before");
  absl::StatusOr<Init> init = LaunchInit();
  if (!init.ok()) {
    runtime_.Delete(options_.id).IgnoreError();
    return init.status();
  }
  started_ = true;
  Watch(*std::move(init), std::move(on_exit));
  return absl::OkStatus();
}

absl::Status OciGuest::Resume(std::function<void(ProcessExit)> on_exit) {
  const MutexLock lock(transition_);
  if (!adopted_) return EndedMeanwhile();
  Watch(*std::exchange(adopted_, std::nullopt), std::move(on_exit));
  // In gVisor they are not this host's, and go on.
  return runtime_.is_gvisor() ? absl::OkStatus() : EndPrograms();
}

void OciGuest::Watch(Init init, std::function<void(ProcessExit)> on_exit) {
  {
    const MutexLock root_lock(root_mutex_);
    root_ = std::move(init.root);
  }
  life_->Started(std::move(init.to_kill), std::move(on_exit));
  io_.ReapOnExit(std::move(init.to_reap),
                 [life = life_, claim = std::move(init.claim)](ProcessExit exit) { life->Exited(exit); });
}

std::string OciGuest::FirstProcess() const {
  const MutexLock lock(transition_);
  return first_process_;
}

absl::Status OciGuest::EndPrograms() const {
  const absl::StatusOr<std::vector<pid_t>> processes = runtime_.Processes(options_.id);
  if (!processes.ok()) return processes.status();
  const std::set<pid_t> inside(processes->begin(), processes->end());
  for (const pid_t pid : *processes) {
    // It leads a group of its own, and its parent is not of the guest.
    if (pid == first_pid_ || inside.contains(static_cast<pid_t>(ParentOf(pid).value_or(first_pid_)))) continue;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<GuestFiles>> OciGuest::Files() {
  // Its first process has a root that is nobody's, and not the guest's.
  if (runtime_.is_gvisor()) {
    return absl::FailedPreconditionError("files of a guest of gVisor's are reached from within alone: run a program in it");
  }
  if (const absl::Status status = life_->CheckRunning(); !status.ok()) return status;
  const MutexLock lock(root_mutex_);
  if (!root_.valid()) return absl::FailedPreconditionError("the guest has ended");
  UniqueFd root(fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
  if (!root.valid()) return ErrnoError(errno, "duplicate a descriptor");
  return std::make_unique<LocalFiles>(std::move(root), options_.container.process.user);
}

absl::StatusOr<OciProcess> OciGuest::ToProcess(const ExecOptions& options) const {
  if (const absl::Status status = CheckExecOptions(options); !status.ok()) return status;
  OciProcess process = options_.container.process;
  process.args = options.args;
  for (const auto& [name, value] : options.env) process.env[name] = value;
  if (!options.working_directory.empty()) process.working_directory = options.working_directory;
  process.terminal = options.terminal;
  if (!options.user.empty()) {
    const absl::StatusOr<GuestUser> user = GuestUser::Parse(options.user);
    if (!user.ok()) return user.status();
    process.user = *user;
  }
  if (const absl::Status status = process.user.CheckOn(options_.rootfs); !status.ok()) return status;
  return process;
}

absl::StatusOr<std::unique_ptr<GuestProcess>> OciGuest::Exec(const ExecOptions& options) {
  absl::StatusOr<OciProcess> process = ToProcess(options);
  if (!process.ok()) return process.status();
  if (const absl::Status status = life_->Enter(); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<GuestProcess>> program = StartProgram(*std::move(process));
  // Else when it is reaped.
  if (!program.ok()) life_->Leave();
  return program;
}

absl::StatusOr<std::unique_ptr<GuestProcess>> OciGuest::StartProgram(OciProcess process) {
  const std::string name = absl::StrCat("exec-", ++execs_);
  const bool has_terminal = process.terminal.has_value();
  OciRuntime::Exec exec = {.id = options_.id,
                           .prefix = absl::StrCat(options_.directory, "/", name),
                           .process = process};
  absl::StatusOr<Program> program =
      has_terminal ? StartWithTerminal(std::move(exec)) : StartWithPipes(std::move(exec));
  if (!program.ok()) return program.status();
  const pid_t pid = program->process.pid;
  absl::StatusOr<UniqueFd> pidfd = OpenPidfd(pid);
  if (!pidfd.ok()) {
    KillChild(pid);
    return pidfd.status();
  }
  LocalProcess::Options& options = program->streams;
  options.host_pid = pid;
  options.guest_pid = program->process.guest_pid;
  if (runtime_.is_gvisor()) options.signal = SendsSignals(std::move(process), options.guest_pid);
  options.pidfd = *std::move(pidfd);
  options.on_reaped = [life = life_, claim = std::move(program->process.claim)] { life->Leave(); };
  return std::make_unique<LocalProcess>(io_, std::move(options));
}

std::function<void(int)> OciGuest::SendsSignals(OciProcess process, pid_t group) const {
  auto sender = std::make_shared<SignalSender>(
      io_, OciRuntime::kTimeout,
      [&runtime = runtime_, id = options_.id, process = std::move(process), group](int signal) {
        return runtime.StartSignal(id, process, group, signal);
      });
  return [sender = std::move(sender)](int signal) { sender->Send(signal); };
}

absl::StatusOr<OciGuest::Program> OciGuest::StartWithPipes(OciRuntime::Exec exec) const {
  absl::StatusOr<Pipe> in = Pipe::Make();
  absl::StatusOr<Pipe> out = Pipe::Make();
  absl::StatusOr<Pipe> err = Pipe::Make();
  for (const absl::StatusOr<Pipe>* pipe : {&in, &out, &err}) {
    if (!pipe->ok()) return pipe->status();
  }
  exec.stdin_fd = in->read_end.get();
  exec.stdout_fd = out->write_end.get();
  exec.stderr_fd = err->write_end.get();
  absl::StatusOr<OciRuntime::Process> process = runtime_.Start(exec);
  if (!process.ok()) return process.status();
  Program program{.process = *std::move(process), .streams = {}};
  program.streams.stdin_fd = std::move(in->write_end);
  program.streams.stdout_fd = std::move(out->read_end);
  program.streams.stderr_fd = std::move(err->read_end);
  return program;
}

absl::StatusOr<OciGuest::Program> OciGuest::StartWithTerminal(OciRuntime::Exec exec) const {
  const std::string socket_name = absl::StrCat(fs::path(exec.prefix).filename().string(), ".tty");
  const absl::StatusOr<ConsoleSocket> console = ConsoleSocket::Make(options_.directory, socket_name);
  if (!console.ok()) return console.status();
  exec.console_socket = console->path();
  const TerminalSize size = exec.process.terminal.value_or(TerminalSize());
  const absl::StatusOr<OciRuntime::Process> process = runtime_.Start(exec);
  if (!process.ok()) return process.status();
  absl::StatusOr<UniqueFd> terminal = console->Receive();
  if (terminal.ok()) {
    // runsc minds no consoleSize.
    const winsize window = {.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ioctl(terminal->get(), TIOCSWINSZ, &window);
    Program program{.process = *process, .streams = {}};
    program.streams.has_terminal = true;
    program.streams.stdout_fd.reset(fcntl(terminal->get(), F_DUPFD_CLOEXEC, 0));
    program.streams.stdin_fd = *std::move(terminal);
    if (program.streams.stdout_fd.valid()) return program;
    terminal = ErrnoError(errno, "duplicate a descriptor");
  }
  KillChild(process->pid);
  return terminal.status();
}

absl::Status OciGuest::AwaitEnd(absl::Time deadline) const {
  while (true) {
    // Its first process ends after everything in its pid namespace was reaped.
    runtime_.ReapOrphans();
    absl::Status status = life_->AwaitEnd(std::min(deadline, absl::Now() + kOrphanPeriod));
    if (!absl::IsDeadlineExceeded(status) || absl::Now() >= deadline) return status;
  }
}

absl::Status OciGuest::Stop(absl::Time deadline) {
  // The network first: nothing of the guest's last moments leaves.
  absl::Status status = link_.Detach();
  life_->End();
  const MutexLock lock(transition_);
  if (stopped_) return status;
  // One that was adopted and never resumed.
  if (adopted_) Watch(*std::exchange(adopted_, std::nullopt), nullptr);
  // A Start() that was under way is over now.
  life_->End();
  {
    const MutexLock root_lock(root_mutex_);
    root_.reset();
  }
  status.Update(AwaitEnd(deadline));
  if (status.ok()) status = runtime_.Delete(options_.id);
  if (status.ok()) status = RemoveBundle(options_.directory);
  stopped_ = status.ok();
  return status;
}

}  // namespace sluice
