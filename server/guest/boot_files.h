#ifndef SLUICE_SERVER_GUEST_BOOT_FILES_H_
#define SLUICE_SERVER_GUEST_BOOT_FILES_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/qemu_command.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// What a virtual machine boots from, opened as this process may; a value.
struct BootFiles {
  UniqueFd kernel;
  UniqueFd initrd;  // none: no initrd
  UniqueFd disk;    // likewise
  std::optional<QemuCommand::DiskFormat> disk_format;

  // Kernel and initrd are copies without a name in `directory`, of user `uid` (0:
  // this process's) and for nobody else: the caller's files may be private, and
  // QEMU is to read what was checked here. The disk is opened for reading.
  //
  // FieldError of "vm.kernel", "vm.initrd" or "vm.disk": not a file that can be
  // read; not a Linux kernel (bzImage or ELF); a qcow2 disk that names other files
  // of the host.
  static absl::StatusOr<BootFiles> Open(const v1::VmGuest& vm, const std::string& directory, uid_t uid);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_BOOT_FILES_H_
