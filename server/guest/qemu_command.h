#ifndef SLUICE_SERVER_GUEST_QEMU_COMMAND_H_
#define SLUICE_SERVER_GUEST_QEMU_COMMAND_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netsvc/base/mac_address.h"

namespace sluice {

// A virtual machine as QEMU's command line has it; a value. Everything that it
// needs of the host it is handed as descriptors: it sees no path of the caller's.
struct QemuCommand {
  enum class DiskFormat { kRaw, kQcow2 };

  static constexpr char kNetdev[] = "net0";  // what QMP's set_link calls the link

  std::string program;
  std::string name;  // by which its processes are told from others'; no comma
  // 0: as this process.
  uid_t uid = 0;
  // Of /dev/kvm, where it takes a group to open it.
  std::optional<gid_t> kvm_group;
  // Where that works for its user; else QEMU translates.
  bool kvm = true;
  uint64_t memory_bytes = 0;  // rounded up to MiB
  uint32_t cpus = 1;
  std::string kernel_arguments;
  MacAddress mac;
  std::optional<DiskFormat> disk_format;  // none: no disk
  // Of the file with what the guest writes to its disk, bookkeeping included. Writes
  // past it fail, as on a disk that is broken there.
  uint64_t scratch_bytes = 0;
  bool has_initrd = false;

  // With a disk: the files that QEMU has open as block devices, the disk and the one
  // of what the guest writes. One more is one that the disk's own header named.
  static constexpr int kDiskFiles = 2;

  // The numbers of the descriptors in the process. kWorker is the other end of
  // kNetwork, which QEMU does not use: a later server finds it there.
  enum Descriptor : int { kKernel = 3, kNetwork, kMonitor, kAgent, kInitrd, kDisk, kWorker };

  // The whole command, program first: QEMU in an empty network namespace, without
  // any privilege, and with its own filter of system calls. It starts halted.
  std::vector<std::string> ToArgs() const;
  // A part of the command line of every process that runs it, and of no other.
  std::string Mark() const;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_QEMU_COMMAND_H_
