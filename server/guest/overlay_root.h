#ifndef SLUICE_SERVER_GUEST_OVERLAY_ROOT_H_
#define SLUICE_SERVER_GUEST_OVERLAY_ROOT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "netsvc/base/ip_address.h"

namespace sluice {

// A guest's root file system: a directory of the host's, only read, under a
// layer of the guest's own that takes its writes. The layer is in memory,
// whether the directory is the host's "/" or another: it is bounded, works on
// any file system, and leaves nothing to remove.
//
// File systems that are mounted below the directory are not part of it.
struct OverlayRoot {
  static constexpr uint64_t kLayerBytes = 512 << 20;
  static constexpr uint64_t kLayerFiles = 262'144;

  std::string directory;  // of the host; its path has no symbolic links
  // In the layer's /etc: hostname, hosts, resolv.conf.
  std::string hostname;
  std::vector<IpAddress> nameservers;
  // Two empty directories to mount at.
  std::string layer_path;
  std::string mount_path;

  // Mounts it at `mount_path`, in the calling thread's mount namespace.
  absl::Status Mount() const;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_OVERLAY_ROOT_H_
