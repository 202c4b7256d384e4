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

  // Of each copy; Linux itself takes initial RAM disks of a few hundred MiB.
  static constexpr size_t kMaxCopied = size_t{1} << 30;  // bytes

  // Kernel and initrd are copies without a name in `directory`, of user `uid` (0:
  // this process's) and for nobody else: the caller's files may be private, and
  // QEMU is to read what was checked here. The disk is opened for reading. Paths have
  // no symbolic links: one that somebody has put there since is not followed.
  //
  // FieldError of "vm.kernel", "vm.initrd" or "vm.disk": not a file that can be
  // read, or too large; not a Linux kernel (bzImage or ELF); a qcow2 disk that names other files
  // of the host.
  static absl::StatusOr<BootFiles> Open(const v1::VmGuest& vm, const std::string& directory, uid_t uid);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_BOOT_FILES_H_
