#include "server/guest/qemu_command.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace sluice {
namespace {

constexpr uint64_t kMib = 1 << 20;

std::string OwnDescriptor(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

// A machine with nothing but what is named; the best processor that the host has.
void AddMachine(const QemuCommand& command, std::vector<std::string>& args) {
  const std::string mib = absl::StrCat((command.memory_bytes + kMib - 1) / kMib);
  for (const char* arg : {"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S", "-machine", "q35",
                          "-cpu", "max", "-device", "virtio-rng-pci"}) {
    args.push_back(arg);
  }
  // The first that can be initialised.
  if (command.kvm) args.insert(args.end(), {"-accel", "kvm"});
  args.insert(args.end(), {"-accel", "tcg"});
  args.insert(args.end(), {"-smp", absl::StrCat(command.cpus), "-m", absl::StrCat(mib, "M")});
}

void AddKernel(const QemuCommand& command, std::vector<std::string>& args) {
  args.insert(args.end(), {"-kernel", OwnDescriptor(QemuCommand::kKernel), "-append", command.kernel_arguments});
  if (command.has_initrd) args.insert(args.end(), {"-initrd", OwnDescriptor(QemuCommand::kInitrd)});
}

// The disk without whatever its header says that it stands on: its owner can write to
// that until QEMU has read it.
std::string DiskImage(QemuCommand::DiskFormat format) {
  constexpr absl::string_view kFile = R"("file":{"driver":"file","filename":"/dev/fdset/1"})";
  const absl::string_view image =
      format == QemuCommand::DiskFormat::kRaw ? R"("driver":"raw")" : R"("driver":"qcow2","backing":null)";
  return absl::StrCat("json:{", image, ",", kFile, "}");
}

// What the guest writes goes to a nameless file, and with the machine. A write that
// fails is the guest's to deal with, whatever it fails for.
void AddDisk(const QemuCommand& command, std::vector<std::string>& args) {
  if (!command.disk_format) return;
  // A comma ends an option unless there are two.
  const std::string image = absl::StrReplaceAll(DiskImage(*command.disk_format), {{",", ",,"}});
  args.insert(args.end(), {"-add-fd", absl::StrCat("fd=", int{QemuCommand::kDisk}, ",set=1"), "-drive",
                           absl::StrCat("if=none,id=disk0,snapshot=on,werror=report,file=", image), "-device",
                           "virtio-blk-pci,drive=disk0"});
}

void AddNetwork(const QemuCommand& command, std::vector<std::string>& args) {
  args.insert(args.end(),
              {"-netdev",
               absl::StrCat("dgram,id=", QemuCommand::kNetdev, ",local.type=fd,local.str=", int{QemuCommand::kNetwork}),
               "-device",
               absl::StrCat("virtio-net-pci,romfile=,netdev=", QemuCommand::kNetdev, ",mac=", command.mac.ToString())});
}

std::string ListeningChardev(const char* id, int fd) {
  return absl::StrCat("socket,server=on,wait=off,id=", id, ",fd=", fd);
}

void AddControl(std::vector<std::string>& args) {
  args.insert(args.end(), {"-chardev", ListeningChardev("monitor", QemuCommand::kMonitor), "-mon",
                           "chardev=monitor,mode=control", "-chardev", ListeningChardev("agent", QemuCommand::kAgent),
                           "-device", "virtio-serial-pci", "-device",
                           "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"});
}

std::vector<std::string> Confinement(const QemuCommand& command) {
  // A write past the limit is an error with the signal ignored, and else the end of QEMU.
  std::vector<std::string> args = {"env", "--ignore-signal=XFSZ", "prlimit", absl::StrCat("--fsize=", command.scratch_bytes)};
  args.insert(args.end(), {"unshare", "--net", "--ipc", "--", "setpriv", "--no-new-privs", "--inh-caps=-all",
                           "--bounding-set=-all"});
  if (command.uid != 0) {
    args.insert(args.end(), {absl::StrCat("--reuid=", command.uid), absl::StrCat("--regid=", command.uid)});
  }
  args.push_back(command.kvm_group ? absl::StrCat("--groups=", *command.kvm_group) : "--clear-groups");
  args.push_back("--");
  return args;
}

}  // namespace

std::string QemuCommand::Mark() const {
  const std::string nul(1, '\0');
  return absl::StrCat(nul, "-name", nul, name, nul);
}

std::vector<std::string> QemuCommand::ToArgs() const {
  std::vector<std::string> args = Confinement(*this);
  args.insert(args.end(), {program, "-name", name, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"});
  AddMachine(*this, args);
  AddKernel(*this, args);
  AddDisk(*this, args);
  AddNetwork(*this, args);
  AddControl(args);
  return args;
}

}  // namespace sluice
