#include "server/guest/overlay_root.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/path_roots.h"

namespace sluice {
namespace {

absl::Status MakeDirectory(const std::string& path, mode_t mode) {
  // chmod, for mkdir minds the server's umask.
  if (mkdir(path.c_str(), mode) != 0 || chmod(path.c_str(), mode) != 0) {
    return ErrnoError(errno, absl::StrCat("make directory ", path));
  }
  return absl::OkStatus();
}

absl::Status MountLayer(const std::string& path) {
  const std::string options =
      absl::StrCat("mode=700,size=", OverlayRoot::kLayerBytes, ",nr_inodes=", OverlayRoot::kLayerFiles);
  if (mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return ErrnoError(errno, "mount the guest's writable layer");
  }
  absl::Status status = MakeDirectory(absl::StrCat(path, "/upper"), 0755);
  if (status.ok()) status = MakeDirectory(absl::StrCat(path, "/upper/etc"), 0755);
  // runc gives what it mounts there the mode of the directory below.
  for (const auto& [name, mode] : {std::pair<const char*, mode_t>{"dev", 0755}, {"run", 0755}, {"tmp", 01777}}) {
    if (status.ok()) status = MakeDirectory(absl::StrCat(path, "/upper/", name), mode);
  }
  if (status.ok()) status = MakeDirectory(absl::StrCat(path, "/work"), 0700);
  return status;
}

std::string Hosts(const std::string& hostname) {
  return absl::StrCat("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 ", hostname, "\n");
}

std::string ResolvConf(const std::vector<IpAddress>& nameservers) {
  std::string text;
  for (const IpAddress& server : nameservers) absl::StrAppend(&text, "nameserver ", server.ToString(), "\n");
  return text;
}

// In the layer, so that a symbolic link of the directory's is replaced, never
// followed.
absl::Status WriteEtc(const std::string& etc, const OverlayRoot& root) {
  absl::Status status = WriteFile(absl::StrCat(etc, "/hostname"), absl::StrCat(root.hostname, "\n"));
  if (status.ok()) status = WriteFile(absl::StrCat(etc, "/hosts"), Hosts(root.hostname));
  if (status.ok()) status = WriteFile(absl::StrCat(etc, "/resolv.conf"), ResolvConf(root.nameservers));
  return status;
}

}  // namespace

absl::Status OverlayRoot::Mount() const {
  absl::Status status = MountLayer(layer_path);
  if (status.ok()) status = WriteEtc(absl::StrCat(layer_path, "/upper/etc"), *this);
  if (!status.ok()) return status;
  const absl::StatusOr<UniqueFd> lower = OpenDirectoryExactly(directory);
  if (!lower.ok()) return lower.status();
  const UniqueFd layer(open(layer_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!layer.valid()) return ErrnoError(errno, absl::StrCat("open ", layer_path));
  // By descriptor: mount options cannot say every path, and the guest can read
  // them.
  const std::string layer_fd = absl::StrCat("/proc/self/fd/", layer.get());
  const std::string options = absl::StrCat("lowerdir=/proc/self/fd/", lower->get(), ",upperdir=", layer_fd,
                                           "/upper,workdir=", layer_fd, "/work");
  if (mount("overlay", mount_path.c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return ErrnoError(errno, absl::StrCat("mount an overlay of ", directory));
  }
  return absl::OkStatus();
}

}  // namespace sluice
