#include "server/guest/guest_factory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/base/process_note.h"
#include "server/guest/guest_user.h"
#include "server/guest/io_thread.h"
#include "server/guest/net_namespace.h"
#include "server/guest/netns_guest.h"
#include "server/guest/oci_guest.h"
#include "server/guest/oci_runtime.h"
#include "server/guest/path_roots.h"
#include "server/guest/socket_guest.h"
#include "server/guest/vm_guest.h"

namespace sluice {
namespace {

constexpr char kHostRoot[] = "/";
constexpr char kTunDevice[] = "/dev/net/tun";
constexpr mode_t kPrivateDirectory = 0700;
constexpr absl::Duration kLeftoverTimeout = absl::Seconds(10);

bool IsOnPath(const std::string& program) {
  if (absl::StrContains(program, '/')) return access(program.c_str(), X_OK) == 0;
  const char* path = getenv("PATH");
  for (const absl::string_view directory : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    if (access(absl::StrCat(directory, "/", program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// The path of `path`, within `root`, as a guest with that root says it.
std::string SeenFrom(const std::string& root, const std::string& path) {
  return root == kHostRoot ? path : path.substr(root.size());
}

absl::StatusOr<std::string> FindRootfs(const std::string& rootfs, const std::string& state_dir,
                                       const PathRoots& roots) {
  if (rootfs.empty()) return kHostRoot;
  absl::StatusOr<std::string> path = roots.Find("oci.rootfs", rootfs);
  if (!path.ok()) return path;
  std::error_code error;
  if (!std::filesystem::is_directory(*path, error)) return FieldError("oci.rootfs", "is not a directory of the host");
  // A mount of it elsewhere would go past what holds for it.
  if (*path != kHostRoot && std::filesystem::equivalent(*path, kHostRoot, error)) {
    return FieldError("oci.rootfs", "is the host's own root by another name");
  }
  if (IsWithin(*path, state_dir)) return FieldError("oci.rootfs", "lies in the server's own state directory");
  return path;
}

// `spec` with a path whose directory has no symbolic links.
absl::StatusOr<v1::SocketGuest> FindSocketPath(v1::SocketGuest spec, const PathRoots& roots) {
  if (spec.path().empty()) return spec;  // the server's choice
  const std::filesystem::path path(spec.path());
  const absl::StatusOr<std::string> directory = roots.Find("socket.path", path.parent_path());
  if (!directory.ok()) return directory.status();
  spec.set_path(std::filesystem::path(*directory) / path.filename());
  return spec;
}

// `vm` with paths that have no symbolic links.
absl::StatusOr<v1::VmGuest> FindBootFiles(v1::VmGuest vm, const std::string& state_dir, const PathRoots& roots) {
  const std::pair<const char*, std::string*> files[] = {
      {"vm.kernel", vm.mutable_kernel()}, {"vm.initrd", vm.mutable_initrd()}, {"vm.disk", vm.mutable_disk()}};
  for (const auto& [field, path] : files) {
    if (path->empty()) continue;
    // What is not there now must not lead anywhere else a moment later.
    const absl::StatusOr<std::string> found = roots.Find(field, *path);
    if (!found.ok()) return found.status();
    if (IsWithin(*found, state_dir)) return FieldError(field, "lies in the server's own state directory");
    *path = *found;
  }
  return vm;
}

OciContainer ToContainer(const v1::OciGuest& oci, const GuestUser& user) {
  OciContainer container;
  container.process.args = {oci.args().begin(), oci.args().end()};
  container.process.env = {oci.env().begin(), oci.env().end()};
  container.process.working_directory = oci.working_directory();
  container.process.user = user;
  container.memory_bytes = oci.memory_bytes();
  container.cpus = oci.cpus();
  container.max_processes = oci.max_processes();
  return container;
}

absl::StatusOr<NetNamespace> OpenNetns(const v1::NetnsGuest& spec) {
  return spec.has_path() ? NetNamespace::OpenPath(spec.path()) : NetNamespace::OfPid(spec.pid());
}

std::string InterfaceName(const v1::NetnsGuest& spec) {
  return spec.interface_name().empty() ? "eth0" : spec.interface_name();
}

std::string GuestsDirectory(const std::string& state_dir) { return absl::StrCat(state_dir, "/guests"); }

std::string VmName(const GuestIdentity& identity) { return absl::StrCat("sluice-", identity.sandbox_uid); }

class GuestFactoryImpl : public GuestFactory {
 public:
  GuestFactoryImpl(GuestFactoryOptions options, PathRoots roots, OciRuntime runtime, std::unique_ptr<IoThread> io)
      : options_(std::move(options)), roots_(std::move(roots)), runtime_(std::move(runtime)), io_(std::move(io)) {}

  absl::StatusOr<std::unique_ptr<Guest>> Create(const v1::Guest& spec, const GuestIdentity& identity) override {
    switch (spec.kind_case()) {
      case v1::Guest::KIND_NOT_SET:
        return absl::InvalidArgumentError("a guest of no kind");
      case v1::Guest::kOci:
        return CreateOci(spec.oci(), identity);
      case v1::Guest::kNetns:
        return CreateNetns(spec.netns());
      case v1::Guest::kSocket:
        return CreateSocket(spec.socket(), identity);
      case v1::Guest::kVm:
        return CreateVm(spec.vm(), identity);
    }
    return absl::InternalError("unknown kind of guest");
  }

  absl::StatusOr<std::unique_ptr<Guest>> Adopt(const v1::Guest& spec, const GuestIdentity& identity,
                                               Left left) override;

 private:
  std::string GuestDirectory(const GuestIdentity& identity) const {
    return absl::StrCat(GuestsDirectory(options_.state_dir), "/", identity.sandbox_uid);
  }
  OciGuest::Options OciOptions(const v1::OciGuest& oci, const GuestIdentity& identity, const GuestUser& user,
                               const std::string& rootfs) const;
  absl::StatusOr<std::unique_ptr<Guest>> AdoptOci(const v1::OciGuest& oci, const GuestIdentity& identity, Left left);
  static absl::StatusOr<std::unique_ptr<Guest>> AdoptNetns(const v1::NetnsGuest& spec, const GuestIdentity& identity,
                                                           Left left);
  absl::StatusOr<std::unique_ptr<Guest>> CreateOci(const v1::OciGuest& oci, const GuestIdentity& identity);
  static absl::StatusOr<std::unique_ptr<Guest>> CreateNetns(const v1::NetnsGuest& spec);
  absl::StatusOr<std::unique_ptr<Guest>> CreateSocket(const v1::SocketGuest& spec, const GuestIdentity& identity);
  absl::StatusOr<std::unique_ptr<Guest>> AdoptSocket(const v1::SocketGuest& spec, const GuestIdentity& identity,
                                                     UniqueFd socket);
  absl::StatusOr<std::unique_ptr<Guest>> CreateVm(const v1::VmGuest& vm, const GuestIdentity& identity);
  // A machine's; null where it has none.
  std::unique_ptr<Cgroup> MakeCpuGroup(const GuestIdentity& identity) const;

  const GuestFactoryOptions options_;
  const PathRoots roots_;
  const OciRuntime runtime_;
  const std::unique_ptr<IoThread> io_;
  const std::unique_ptr<WorkerIds> vm_users_ = WorkerIds::OfThisProcess(WorkerIds::kFirstOfVms);
};

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::CreateOci(const v1::OciGuest& oci,
                                                                   const GuestIdentity& identity) {
  const absl::StatusOr<GuestUser> user = GuestUser::Parse(oci.user());
  if (!user.ok()) return InField("oci", user.status());
  const absl::StatusOr<std::string> rootfs = FindRootfs(oci.rootfs(), options_.state_dir, roots_);
  if (!rootfs.ok()) return rootfs.status();
  if (const absl::Status status = user->CheckOn(*rootfs); !status.ok()) return InField("oci", status);
  // The host would count threads of gVisor's kernel, which ends where it may have no more.
  if (runtime_.is_gvisor() && oci.max_processes() != 0) {
    return FieldError("oci.max_processes", "cannot be limited: this server's OCI runtime is gVisor's");
  }
  absl::StatusOr<NetNamespace> netns = NetNamespace::Create();
  if (!netns.ok()) return netns.status();
  absl::StatusOr<std::unique_ptr<OciGuest>> guest =
      OciGuest::Create(runtime_, *io_, *std::move(netns), OciOptions(oci, identity, *user, *rootfs));
  if (!guest.ok()) return guest.status();
  return *std::move(guest);
}

OciGuest::Options GuestFactoryImpl::OciOptions(const v1::OciGuest& oci, const GuestIdentity& identity,
                                               const GuestUser& user, const std::string& rootfs) const {
  OciContainer container = ToContainer(oci, user);
  if (container.process.args.empty()) container.process.args = {OciContainer::kInitPath};
  container.hostname = identity.sandbox_id;
  container.init_path = options_.init_path;
  container.cgroup = absl::StrCat("/", GuestCgroup(identity.sandbox_uid));
  container.cpu_controller = options_.cpu;
  if (IsWithin(options_.state_dir, rootfs)) container.masked_directories = {SeenFrom(rootfs, options_.state_dir)};
  return {.id = identity.sandbox_uid,
          .directory = GuestDirectory(identity),
          .rootfs = rootfs,
          .nameservers = identity.nameservers,
          .container = std::move(container)};
}

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::Adopt(const v1::Guest& spec, const GuestIdentity& identity,
                                                               Left left) {
  switch (spec.kind_case()) {
    case v1::Guest::kOci:
      return AdoptOci(spec.oci(), identity, std::move(left));
    case v1::Guest::kNetns:
      return AdoptNetns(spec.netns(), identity, std::move(left));
    case v1::Guest::kSocket:
      return AdoptSocket(spec.socket(), identity, std::move(left.link));
    case v1::Guest::kVm:
      return VmGuest::Adopt(*io_, {.directory = GuestDirectory(identity),
                                   .name = VmName(identity),
                                   .users = *vm_users_,
                                   .cpu_group = MakeCpuGroup(identity)});
    case v1::Guest::KIND_NOT_SET:
      break;
  }
  return absl::InternalError("a guest of no kind");
}

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::AdoptOci(const v1::OciGuest& oci,
                                                                  const GuestIdentity& identity, Left left) {
  const absl::StatusOr<GuestUser> user = GuestUser::Parse(oci.user());
  if (!user.ok()) return user.status();
  // Its root file system is mounted already.
  return OciGuest::Adopt(runtime_, *io_, OciOptions(oci, identity, *user, kHostRoot), left.first_process,
                         std::move(left.link));
}

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::AdoptNetns(const v1::NetnsGuest& spec,
                                                                    const GuestIdentity& identity, Left left) {
  // The interface knows best where it is; a path or a number may mean another
  // namespace by now.
  absl::StatusOr<NetNamespace> netns = left.link.valid() ? NetNamespace::OfTap(left.link) : OpenNetns(spec);
  if (!netns.ok()) return absl::FailedPreconditionError(netns.status().message());
  auto guest = std::make_unique<NetnsGuest>(*std::move(netns), InterfaceName(spec));
  const absl::Status linked = guest->AdoptLink(identity.sandbox_uid, std::move(left.link));
  if (!linked.ok() && !absl::IsNotFound(linked)) return linked;
  return guest;
}

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::CreateNetns(const v1::NetnsGuest& spec) {
  const bool by_path = spec.has_path();
  absl::StatusOr<NetNamespace> netns = OpenNetns(spec);
  if (absl::IsInvalidArgument(netns.status())) {
    return FieldError(by_path ? "netns.path" : "netns.pid", netns.status().message());
  }
  if (!netns.ok()) return netns.status();
  return std::make_unique<NetnsGuest>(*std::move(netns), InterfaceName(spec));
}

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::CreateSocket(const v1::SocketGuest& spec,
                                                                      const GuestIdentity& identity) {
  const absl::StatusOr<v1::SocketGuest> found = FindSocketPath(spec, roots_);
  if (!found.ok()) return found.status();
  absl::StatusOr<std::unique_ptr<SocketGuest>> guest = SocketGuest::Create(*found, options_.state_dir, identity, *io_);
  if (!guest.ok()) return guest.status();
  return *std::move(guest);
}

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::AdoptSocket(const v1::SocketGuest& spec,
                                                                     const GuestIdentity& identity, UniqueFd socket) {
  const absl::StatusOr<v1::SocketGuest> found = FindSocketPath(spec, roots_);
  if (!found.ok()) return absl::FailedPreconditionError(found.status().message());
  return SocketGuest::Adopt(*found, options_.state_dir, identity, *io_, std::move(socket));
}

// The group that opens /dev/kvm, where there is one.
std::optional<gid_t> KvmGroup() {
  struct stat info;
  constexpr mode_t kGroupMayUse = S_IRGRP | S_IWGRP;
  if (stat("/dev/kvm", &info) != 0 || (info.st_mode & kGroupMayUse) != kGroupMayUse || info.st_gid == 0) return std::nullopt;
  return info.st_gid;
}

std::unique_ptr<Cgroup> GuestFactoryImpl::MakeCpuGroup(const GuestIdentity& identity) const {
  if (!options_.cpu) return nullptr;
  absl::StatusOr<std::unique_ptr<Cgroup>> group = options_.cpu->MakeGroup(GuestCgroup(identity.sandbox_uid));
  if (group.ok()) return *std::move(group);
  spdlog::warn("sandbox {}: its virtual machine has no CPU weight of its own: {}", identity.sandbox_id,
               std::string(group.status().message()));
  return nullptr;
}

absl::StatusOr<std::unique_ptr<Guest>> GuestFactoryImpl::CreateVm(const v1::VmGuest& given, const GuestIdentity& identity) {
  if (!IsOnPath(options_.qemu)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "virtual machines take QEMU, and there is no ", options_.qemu, " on this host: install qemu-system-x86"));
  }
  const absl::StatusOr<v1::VmGuest> found = FindBootFiles(given, options_.state_dir, roots_);
  if (!found.ok()) return found.status();
  const v1::VmGuest& vm = *found;
  absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> user = vm_users_->Acquire();
  if (!user.ok()) return user.status();
  QemuCommand command;
  command.program = options_.qemu;
  command.name = VmName(identity);
  command.kvm_group = KvmGroup();
  command.memory_bytes = vm.memory_bytes() != 0 ? vm.memory_bytes() : VmGuest::kDefaultMemoryBytes;
  command.cpus = vm.cpus() != 0 ? vm.cpus() : 1;
  command.kernel_arguments = vm.kernel_arguments();
  command.mac = identity.mac;
  command.scratch_bytes = options_.vm_scratch_bytes;
  absl::StatusOr<std::unique_ptr<VmGuest>> guest = VmGuest::Create(
      *io_, {.directory = GuestDirectory(identity),
             .command = std::move(command),
             .vm = vm,
             .user = *std::move(user),
             .cpu_group = MakeCpuGroup(identity)});
  if (!guest.ok()) return guest.status();
  return *std::move(guest);
}

// That this process may do what guests need.
absl::Status CheckHost(const GuestFactoryOptions& options) {
  if (const absl::StatusOr<NetNamespace> netns = NetNamespace::Create(); !netns.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this process cannot make network namespaces, which takes root: ", netns.status().message()));
  }
  const UniqueFd tun(open(kTunDevice, O_RDWR | O_CLOEXEC));
  if (!tun.valid()) {
    return absl::FailedPreconditionError(absl::StrCat(ErrnoError(errno, absl::StrCat("open ", kTunDevice)).message(),
                                                      ": load the kernel module tun, and run as root"));
  }
  if (access(options.init_path.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("sluice-init is not at ", options.init_path));
  }
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), kPrivateDirectory) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoError(errno, absl::StrCat("make directory ", path));
}

// Of guests whose server died. Containers' mounts went with their last process.
void RemoveLeftovers(const OciRuntime& runtime, const std::string& guests_directory,
                     const std::set<std::string>& keep) {
  runtime.EndStrays();
  for (const std::string& id : runtime.List()) {
    if (keep.contains(id)) continue;
    const absl::Status status = runtime.Delete(id);
    if (!status.ok()) spdlog::warn("a guest of an earlier server is left: {}", status.ToString());
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(guests_directory, error)) {
    if (keep.contains(entry.path().filename())) continue;
    const absl::Status ended = KillNotedProcess(entry.path() / VmGuest::kProcessNote, kLeftoverTimeout);
    if (!ended.ok()) spdlog::warn("a virtual machine of an earlier server is left: {}", ended.ToString());
    std::error_code why;
    std::filesystem::remove_all(entry.path(), why);
    if (why) spdlog::warn("{} of an earlier server is left: {}", entry.path().string(), why.message());
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<GuestFactory>> MakeGuestFactory(const GuestFactoryOptions& given) {
  GuestFactoryOptions options = given;
  std::error_code error;
  options.state_dir = std::filesystem::canonical(given.state_dir, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat(given.state_dir, ": ", error.message()));
  absl::StatusOr<PathRoots> roots = PathRoots::Make(options.path_roots);
  if (!roots.ok()) return roots.status();
  if (const absl::Status status = CheckHost(options); !status.ok()) return status;
  OciRuntime runtime({.program = options.oci_runtime, .root = absl::StrCat(options.state_dir, "/oci")});
  if (const absl::Status status = runtime.CheckUsable(); !status.ok()) return status;
  const std::string guests = GuestsDirectory(options.state_dir);
  for (const std::string& directory : {guests, absl::StrCat(options.state_dir, "/oci")}) {
    if (const absl::Status status = MakeDirectory(directory); !status.ok()) return status;
  }
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return ErrnoError(errno, "become a subreaper");
  RemoveLeftovers(runtime, guests, options.keep);
  absl::StatusOr<std::unique_ptr<IoThread>> io = IoThread::Start();
  if (!io.ok()) return io.status();
  return std::make_unique<GuestFactoryImpl>(std::move(options), *std::move(roots), std::move(runtime), *std::move(io));
}

}  // namespace sluice
