#ifndef SLUICE_SERVER_GUEST_NET_NAMESPACE_H_
#define SLUICE_SERVER_GUEST_NET_NAMESPACE_H_

#include <sys/types.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// A network namespace, held by a descriptor: nothing is mounted, and one that
// Create made is gone with the last process and descriptor in it. Movable.
//
// Any thread may call it; calls on one object may overlap. The calling thread
// never changes its own namespace: what must happen inside happens on a thread
// made for it.
class NetNamespace {
 public:
  // A new one with lo up and ping sockets open to every group. PermissionDenied
  // without CAP_SYS_ADMIN.
  static absl::StatusOr<NetNamespace> Create();
  // Of someone else: "/run/netns/NAME" or any other path that names one.
  // InvalidArgument where the path is something else, or the server's own.
  static absl::StatusOr<NetNamespace> OpenPath(const std::string& path);
  // The one that process `pid` is in. InvalidArgument where there is no such
  // process, or it shares the server's own.
  static absl::StatusOr<NetNamespace> OfPid(pid_t pid);

  // The one that the TAP behind `tap` is in. InvalidArgument where it is no TAP.
  static absl::StatusOr<NetNamespace> OfTap(const UniqueFd& tap);

  // Runs `work` on a new thread inside and returns what it returned. Blocks
  // until then.
  absl::Status Run(const std::function<absl::Status()>& work) const;

  // Valid while this object lives.
  int fd() const { return fd_.get(); }
  // What setns(2), or an OCI runtime of this server's, can open:
  // "/proc/PID/fd/N". Valid while this object lives.
  std::string path() const;

 private:
  explicit NetNamespace(UniqueFd fd) : fd_(std::move(fd)) {}
  static absl::StatusOr<NetNamespace> OfSomeoneElse(UniqueFd fd);

  UniqueFd fd_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_NET_NAMESPACE_H_
