#include "server/guest/qemu_command.h"

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

constexpr uint64_t kMib = 1 << 20;

std::string OwnDescriptor(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

// A machine with nothing but what is named; the best processor that the host has.
void AddMachine(const QemuCommand& command, std::vector<std::string>& args) {
  const std::string mib = absl::StrCat((command.memory_bytes + kMib - 1) / kMib);
  // The second accelerator where the first does not work.
  for (const char* arg : {"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S", "-machine", "q35",
                          "-accel", "kvm", "-accel", "tcg", "-cpu", "max", "-device", "virtio-rng-pci"}) {
    args.push_back(arg);
  }
  args.insert(args.end(), {"-smp", absl::StrCat(command.cpus), "-m", absl::StrCat(mib, "M")});
}

void AddKernel(const QemuCommand& command, std::vector<std::string>& args) {
  args.insert(args.end(), {"-kernel", OwnDescriptor(QemuCommand::kKernel), "-append", command.kernel_arguments});
  if (command.has_initrd) args.insert(args.end(), {"-initrd", OwnDescriptor(QemuCommand::kInitrd)});
}

// What the guest writes goes to a nameless file, and with the machine.
void AddDisk(const QemuCommand& command, std::vector<std::string>& args) {
  if (!command.disk_format) return;
  const char* format = *command.disk_format == QemuCommand::DiskFormat::kRaw ? "raw" : "qcow2";
  args.insert(args.end(), {"-add-fd", absl::StrCat("fd=", int{QemuCommand::kDisk}, ",set=1"), "-drive",
                           absl::StrCat("if=none,id=disk0,file=/dev/fdset/1,snapshot=on,format=", format), "-device",
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
  std::vector<std::string> args = {"unshare", "--net", "--ipc", "--", "setpriv", "--no-new-privs", "--inh-caps=-all",
                                   "--bounding-set=-all"};
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
