#include "server/guest/boot_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/guest/path_roots.h"

namespace sluice {
namespace {

// Linux, Documentation/arch/x86/boot.rst: the setup header's signature.
constexpr off_t kSetupHeader = 0x202;
constexpr absl::string_view kSetupSignature = "HdrS";
constexpr absl::string_view kElfSignature = "\177ELF";

// QEMU, docs/interop/qcow2.txt.
constexpr absl::string_view kQcowSignature = "QFI\xfb";
constexpr off_t kQcowBackingFile = 8;      // 8 bytes: where its name is; 0: none
constexpr off_t kQcowIncompatible = 72;    // 8 bytes, from version 3 on
constexpr uint64_t kQcowExternalData = 4;  // a bit of them

absl::StatusOr<UniqueFd> OpenFile(absl::string_view field, const std::string& path) {
  // A pipe must not keep anybody waiting.
  absl::StatusOr<UniqueFd> fd = OpenExactly(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd.ok()) return FieldError(field, absl::StrCat("cannot be read: ", fd.status().message()));
  struct stat info;
  if (fstat(fd->get(), &info) != 0 || !S_ISREG(info.st_mode)) return FieldError(field, "is not a regular file");
  return fd;
}

bool HasAt(const UniqueFd& fd, off_t offset, absl::string_view signature) {
  std::string found(signature.size(), '\0');
  return pread(fd.get(), found.data(), found.size(), offset) == static_cast<ssize_t>(found.size()) &&
         found == signature;
}

uint64_t Load64At(const UniqueFd& fd, off_t offset) {
  std::array<uint8_t, 8> bytes = {};
  if (pread(fd.get(), bytes.data(), bytes.size(), offset) != static_cast<ssize_t>(bytes.size())) return 0;
  return uint64_t{Load32(&bytes[0])} << 32 | Load32(&bytes[4]);
}

absl::Status CheckKernel(const UniqueFd& fd) {
  if (HasAt(fd, kSetupHeader, kSetupSignature) || HasAt(fd, 0, kElfSignature)) return absl::OkStatus();
  return FieldError("vm.kernel", "is not a Linux kernel for x86 (bzImage or ELF)");
}

absl::StatusOr<QemuCommand::DiskFormat> CheckDisk(const UniqueFd& fd) {
  if (!HasAt(fd, 0, kQcowSignature)) return QemuCommand::DiskFormat::kRaw;
  if (Load64At(fd, kQcowBackingFile) != 0) {
    return FieldError("vm.disk", "is a qcow2 image on top of another file: flatten it first (qemu-img convert)");
  }
  if ((Load64At(fd, kQcowIncompatible) & kQcowExternalData) != 0) {
    return FieldError("vm.disk", "is a qcow2 image with its data in another file: convert it first (qemu-img convert)");
  }
  return QemuCommand::DiskFormat::kQcow2;
}

absl::Status CopyAll(absl::string_view field, const UniqueFd& from, const UniqueFd& to) {
  struct stat info;
  if (fstat(from.get(), &info) != 0) return ErrnoError(errno, "look at a file to boot from");
  // A file may grow meanwhile: one byte past the limit tells that it is passed.
  const bool fits = static_cast<uint64_t>(info.st_size) <= BootFiles::kMaxCopied;
  for (size_t left = fits ? BootFiles::kMaxCopied + 1 : 0; left > 0;) {
    const ssize_t n = sendfile(to.get(), from.get(), nullptr, left);
    if (n == 0) return absl::OkStatus();
    if (n < 0 && errno != EINTR) return ErrnoError(errno, "copy a file to boot from");
    left -= static_cast<size_t>(std::max<ssize_t>(n, 0));
  }
  return FieldError(field, absl::StrCat("is larger than ", BootFiles::kMaxCopied, " bytes"));
}

absl::StatusOr<UniqueFd> PrivateCopy(absl::string_view field, const UniqueFd& original, const std::string& directory,
                                     uid_t uid) {
  std::string path = absl::StrCat(directory, "/boot.XXXXXX");
  UniqueFd copy(mkostemp(path.data(), O_CLOEXEC));
  if (!copy.valid()) return ErrnoError(errno, absl::StrCat("make a file in ", directory));
  unlink(path.c_str());
  if (absl::Status status = CopyAll(field, original, copy); !status.ok()) return status;
  if (uid != 0 && fchown(copy.get(), uid, uid) != 0) return ErrnoError(errno, "give a file away");
  return copy;
}

}  // namespace

absl::StatusOr<BootFiles> BootFiles::Open(const v1::VmGuest& vm, const std::string& directory, uid_t uid) {
  BootFiles files;
  const struct {
    const char* field;
    const std::string& path;
    UniqueFd& copy;
  } copied[] = {{"vm.kernel", vm.kernel(), files.kernel}, {"vm.initrd", vm.initrd(), files.initrd}};
  for (const auto& [field, path, copy] : copied) {
    if (path.empty()) continue;
    const absl::StatusOr<UniqueFd> original = OpenFile(field, path);
    if (!original.ok()) return original.status();
    absl::StatusOr<UniqueFd> made = PrivateCopy(field, *original, directory, uid);
    if (!made.ok()) return made.status();
    copy = *std::move(made);
  }
  if (absl::Status status = CheckKernel(files.kernel); !status.ok()) return status;
  if (vm.disk().empty()) return files;
  absl::StatusOr<UniqueFd> disk = OpenFile("vm.disk", vm.disk());
  if (!disk.ok()) return disk.status();
  files.disk = *std::move(disk);
  absl::StatusOr<QemuCommand::DiskFormat> format = CheckDisk(files.disk);
  if (!format.ok()) return format.status();
  files.disk_format = *format;
  return files;
}

}  // namespace sluice
