#include "server/guest/vm_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "netsvc/base/pass_descriptor.h"
#include "server/base/process_note.h"
#include "server/base/process_status.h"
#include "server/guest/agent_files.h"
#include "server/guest/agent_process.h"
#include "server/guest/agent_tools.h"
#include "server/guest/json_socket.h"
#include "server/guest/run_program.h"
#include "server/worker/unix_socket.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr char kMonitorSocket[] = "monitor.sock";
constexpr char kAgentSocket[] = "agent.sock";
constexpr char kKvm[] = "/dev/kvm";
constexpr mode_t kPrivateDirectory = 0700;
// From the start of the process to its answer: it reads kernel and initrd first.
constexpr absl::Duration kCommandTimeout = absl::Seconds(20);
// From a SIGKILL to the end.
constexpr absl::Duration kKillTimeout = absl::Seconds(10);

absl::Status RemoveDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? ErrnoError(error.value(), absl::StrCat("remove ", path)) : absl::OkStatus();
}

absl::Status SocketPair(int type, UniqueFd& one, UniqueFd& other) {
  int ends[2];
  if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return ErrnoError(errno, "socketpair");
  one = UniqueFd(ends[0]);
  other = UniqueFd(ends[1]);
  return absl::OkStatus();
}

// A pipe for what QEMU says of itself. It holds 64 KiB; the rest is lost.
absl::Status ErrorPipe(UniqueFd& read_end, UniqueFd& write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoError(errno, "pipe");
  read_end = UniqueFd(ends[0]);
  write_end = UniqueFd(ends[1]);
  return absl::OkStatus();
}

// The last line that was said, which is the one that matters.
std::string LastLine(const UniqueFd& pipe) {
  std::string text(64 << 10, '\0');
  const ssize_t n = read(pipe.get(), text.data(), text.size());
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  const std::vector<std::string> lines = absl::StrSplit(absl::StripAsciiWhitespace(text), '\n');
  return lines.back();
}

// The user that process `pid` runs as; 0 where it has ended.
uid_t UserOf(pid_t pid) { return static_cast<uid_t>(ProcessStatusNumber(pid, "Uid").value_or(0)); }

// Of QEMU's block nodes: how many are files, and not a format in one. What is neither
// counts as many.
int CountFiles(const json& nodes) {
  constexpr int kMany = 1000;
  if (!nodes.is_array()) return kMany;
  int files = 0;
  for (const json& node : nodes) {
    const json driver = node.is_object() ? node.value("drv", json()) : json();
    if (driver == "raw" || driver == "qcow2") continue;
    files += driver == "file" ? 1 : kMany;
  }
  return files;
}

bool HasEnded(const UniqueFd& pidfd, absl::Duration patience) {
  pollfd fd = {.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) == 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<VmGuest>> VmGuest::Create(IoThread& io, Options options) {
  const std::string directory = options.directory;
  if (mkdir(directory.c_str(), kPrivateDirectory) != 0) return ErrnoError(errno, absl::StrCat("make directory ", directory));
  Link link;
  absl::Status status = SocketPair(SOCK_DGRAM, link.qemu, link.worker);
  absl::StatusOr<BootFiles> files = BootFiles::Open(options.vm, directory, options.user->id());
  if (status.ok()) status = files.status();
  if (!status.ok()) {
    RemoveDirectory(directory).IgnoreError();
    return status;
  }
  options.command.uid = options.user->id();
  options.command.disk_format = files->disk_format;
  options.command.has_initrd = files->initrd.valid();
  std::unique_ptr<VmGuest> guest(new VmGuest(io, directory, std::move(options.command), std::move(options.user),
                                             std::move(options.cpu_group)));
  const MutexLock lock(guest->transition_);
  guest->files_ = *std::move(files);
  guest->link_ = std::move(link);
  return guest;
}

std::unique_ptr<VmGuest> VmGuest::Adopt(IoThread& io, Left left) {
  QemuCommand command;
  command.name = left.name;
  const std::string note = absl::StrCat(left.directory, "/", kProcessNote);
  absl::StatusOr<NotedProcess> process = ReadProcessNote(note);
  // One that was not noted yet has not run yet.
  if (!process.ok()) KillByCommandLine(command.Mark(), kKillTimeout);
  absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> user =
      left.users.Claim(process.ok() ? UserOf(process->pid) : 0);
  std::unique_ptr<VmGuest> guest(
      new VmGuest(io, left.directory, std::move(command), user.ok() ? *std::move(user) : nullptr,
                  std::move(left.cpu_group)));
  const MutexLock lock(guest->transition_);
  guest->started_ = true;
  guest->ended_ = EndedMeanwhile();
  if (!process.ok()) {
    guest->life_->Exited({.known = false});
    return guest;
  }
  guest->EnterCpuGroup(process->pid);
  guest->link_.worker = UniqueFd(static_cast<int>(syscall(SYS_pidfd_getfd, process->pidfd.get(), QemuCommand::kWorker, 0)));
  guest->adopted_ = std::move(process->pidfd);
  guest->ended_ = absl::OkStatus();
  if (guest->link_.worker.valid()) return guest;
  guest->ended_ = absl::FailedPreconditionError(absl::StrCat(
      "the virtual machine was ended, for its network cannot be taken over: ", ErrnoError(errno, "pidfd_getfd").message()));
  KillNotedProcess(note, kKillTimeout).IgnoreError();  // again by Stop()
  return guest;
}

VmGuest::VmGuest(IoThread& io, std::string directory, QemuCommand command, std::unique_ptr<WorkerIds::Lease> user,
                 std::unique_ptr<Cgroup> cpu_group)
    : io_(io),
      directory_(std::move(directory)),
      command_(std::move(command)),
      user_(std::move(user)),
      agent_(std::make_shared<GuestAgent>([directory = directory_] { return ConnectUnix(directory, kAgentSocket); })),
      cpu_group_(std::move(cpu_group)) {}

VmGuest::~VmGuest() {
  {
    const MutexLock lock(transition_);
    if (left_) return;
  }
  Stop(absl::Now() + kCallTimeout).IgnoreError();
}

void VmGuest::Leave() {
  const MutexLock lock(transition_);
  left_ = true;
}

absl::StatusOr<UniqueFd> VmGuest::AttachLink(const LinkConfig&) {
  {
    const MutexLock lock(transition_);
    if (absl::Status status = SetCarrier(true); !status.ok()) return status;
  }
  return LinkDescriptor();
}

absl::StatusOr<UniqueFd> VmGuest::LinkDescriptor() {
  const MutexLock lock(transition_);
  if (!link_.worker.valid()) return absl::FailedPreconditionError("the guest has ended");
  // A feed (link::DatagramLink) of one peer.
  UniqueFd ours, theirs;
  absl::Status status = SocketPair(SOCK_SEQPACKET, ours, theirs);
  if (status.ok()) status = PassDescriptor(ours, link_.worker);
  if (!status.ok()) return status;
  return theirs;
}

absl::Status VmGuest::DetachLink() {
  const MutexLock lock(transition_);
  return SetCarrier(false);
}

void VmGuest::EnterCpuGroup(pid_t pid) const {
  if (cpu_group_ == nullptr) return;
  const absl::Status status = cpu_group_->Add(pid);
  if (!status.ok()) spdlog::warn("{} has no CPU weight of its own: {}", command_.name, std::string(status.message()));
}

absl::Status VmGuest::SetCarrier(bool up) {
  link_.up = up;
  if (!adopted_ && !life_->CheckRunning().ok()) return absl::OkStatus();
  return Command("set_link", {{"name", QemuCommand::kNetdev}, {"up", up}});
}

absl::Status VmGuest::Command(const char* name, const json& arguments) const {
  return Ask(name, arguments).status();
}

absl::StatusOr<json> VmGuest::Ask(const char* name, const json& arguments) const {
  const absl::Time deadline = absl::Now() + kCommandTimeout;
  absl::StatusOr<UniqueFd> connection = ConnectUnix(directory_, kMonitorSocket);
  if (!connection.ok()) return absl::UnavailableError("QEMU is gone");
  JsonSocket monitor(*std::move(connection));
  absl::StatusOr<json> answer = monitor.Call("qmp_capabilities", json::object(), deadline);
  if (answer.ok()) answer = monitor.Call(name, arguments, deadline);
  if (answer.ok()) return answer;
  return absl::Status(answer.status().code(), absl::StrCat("QEMU, ", name, ": ", answer.status().message()));
}

// The disk's owner may have changed its header since BootFiles looked. QEMU has read it
// by now, once, and has open whatever it named.
absl::Status VmGuest::CheckOpened() const {
  if (!command_.disk_format) return absl::OkStatus();
  const absl::StatusOr<json> nodes = Ask("query-named-block-nodes", {{"flat", true}});
  if (!nodes.ok()) return nodes.status();
  if (CountFiles(*nodes) == QemuCommand::kDiskFiles) return absl::OkStatus();
  return FieldError("disk", "names other files of the host");
}

absl::StatusOr<UniqueFd> VmGuest::Launch() {
  absl::StatusOr<UniqueFd> started = LaunchOnce(command_);
  if (!absl::IsFailedPrecondition(started.status()) || access(kKvm, F_OK) != 0) return started;
  // There is KVM that QEMU finds well and cannot make a processor with.
  spdlog::warn("{} is started again, without KVM: {}", command_.name, std::string(started.status().message()));
  QemuCommand without = command_;
  without.kvm = false;
  return LaunchOnce(without);
}

absl::StatusOr<UniqueFd> VmGuest::LaunchOnce(const QemuCommand& command) {
  absl::StatusOr<UniqueFd> monitor = ListenUnix(directory_, kMonitorSocket);
  if (!monitor.ok()) return monitor.status();
  absl::StatusOr<UniqueFd> agent = ListenUnix(directory_, kAgentSocket);
  if (!agent.ok()) return agent.status();
  UniqueFd errors, own_errors;
  if (absl::Status status = ErrorPipe(errors, own_errors); !status.ok()) return status;
  std::vector<std::string> args = command.ToArgs();
  HostProgram program = {.program = args.front(), .args = {args.begin() + 1, args.end()}, .stderr_fd = own_errors.get()};
  program.more_fds = {files_.kernel.get(), link_.qemu.get(),   monitor->get(),
                      agent->get(),        files_.initrd.get(), files_.disk.get(), link_.worker.get()};
  const absl::StatusOr<pid_t> pid = StartProgram(program);
  if (!pid.ok()) return pid.status();
  EnterCpuGroup(*pid);
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  absl::Status status = pidfd.valid() ? WriteProcessNote(absl::StrCat(directory_, "/", kProcessNote), *pid)
                                      : ErrnoError(errno, absl::StrCat("pidfd_open ", *pid));
  // Its ends are its own from now on: they close with it.
  for (UniqueFd* fd : {&*monitor, &*agent, &own_errors}) fd->reset();
  if (status.ok()) status = Command("set_link", {{"name", QemuCommand::kNetdev}, {"up", link_.up}});
  if (status.ok()) status = CheckOpened();
  if (status.ok()) return pidfd;
  if (pidfd.valid() && HasEnded(pidfd, absl::Seconds(1))) {
    status = absl::FailedPreconditionError(absl::StrCat("the virtual machine does not start: ", LastLine(errors)));
  }
  KillChild(*pid);
  return status;
}

absl::Status VmGuest::Start(std::function<void(ProcessExit)> on_exit) {
  const MutexLock lock(transition_);
  if (started_ || stopped_) return absl::FailedPreconditionError("the guest was started before");
  absl::StatusOr<UniqueFd> pidfd = Launch();
  if (!pidfd.ok()) return pidfd.status();
  started_ = true;
  files_ = BootFiles();
  link_.qemu.reset();
  Watch(*std::move(pidfd), std::move(on_exit));
  return Command("cont", json::object());
}

absl::Status VmGuest::Resume(std::function<void(ProcessExit)> on_exit) {
  const MutexLock lock(transition_);
  if (!ended_.ok()) return ended_;
  if (!adopted_) return absl::FailedPreconditionError("the guest was resumed before");
  Watch(*std::exchange(adopted_, std::nullopt), std::move(on_exit));
  return absl::OkStatus();
}

void VmGuest::Watch(UniqueFd pidfd, std::function<void(ProcessExit)> on_exit) {
  UniqueFd to_reap(fcntl(pidfd.get(), F_DUPFD_CLOEXEC, 0));
  life_->Started(std::move(pidfd), std::move(on_exit));
  io_.ReapOnExit(std::move(to_reap), [life = life_](ProcessExit exit) { life->Exited(exit); });
}

absl::StatusOr<std::unique_ptr<GuestProcess>> VmGuest::Exec(const ExecOptions& options) {
  if (absl::Status status = CheckExecOptions(options); !status.ok()) return status;
  const absl::StatusOr<std::shared_ptr<const void>> start = starts_.Take();
  if (!start.ok()) return start.status();
  if (absl::Status status = life_->Enter(kMaxPrograms); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<GuestProcess>> process = StartProcess(options);
  if (!process.ok()) life_->Leave();
  return process;
}

absl::StatusOr<std::unique_ptr<GuestProcess>> VmGuest::StartProcess(const ExecOptions& options) {
  const absl::Time deadline = absl::Now() + kCallTimeout;
  if (absl::Status status = agent_->Ping(); !status.ok()) return status;
  absl::StatusOr<AgentTools> tools = FindTools(*agent_, options, deadline - absl::Now());
  if (!tools.ok()) return tools.status();
  return AgentProcess::Start(
      io_, {.agent = agent_, .program = options, .tools = *std::move(tools), .timeout = deadline - absl::Now()},
      [life = life_] { life->Leave(); });
}

absl::StatusOr<std::unique_ptr<GuestFiles>> VmGuest::Files() {
  if (absl::Status status = life_->CheckRunning(); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<const void>> call = file_calls_.Take();
  if (!call.ok()) return call.status();
  if (absl::Status status = agent_->Ping(); !status.ok()) return status;
  return std::make_unique<AgentFiles>(agent_, *std::move(call));
}

absl::Status VmGuest::Stop(absl::Time deadline) {
  agent_->Close();
  life_->End();
  const MutexLock lock(transition_);
  if (stopped_) return absl::OkStatus();
  // One that was adopted and never resumed.
  if (adopted_) Watch(*std::exchange(adopted_, std::nullopt), nullptr);
  // A Start() that was under way is over now.
  life_->End();
  absl::Status status = life_->AwaitEnd(deadline);
  if (status.ok()) status = RemoveDirectory(directory_);
  if (!status.ok()) return status;
  cpu_group_.reset();
  link_ = Link();
  files_ = BootFiles();
  stopped_ = true;
  return absl::OkStatus();
}

}  // namespace sluice
