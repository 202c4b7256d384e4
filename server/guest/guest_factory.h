#ifndef SLUICE_SERVER_GUEST_GUEST_FACTORY_H_
#define SLUICE_SERVER_GUEST_GUEST_FACTORY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/mac_address.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/cgroup.h"
#include "server/guest/guest.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// Which sandbox a guest is of.
struct GuestIdentity {
  std::string sandbox_id;  // its host name
  std::string sandbox_uid;  // names its files, cgroup and container
  std::vector<IpAddress> nameservers;  // of its resolv.conf
  MacAddress mac = {};  // of its interface, where it is made before it is attached
};

// Makes guests. Any thread. Outlives every guest that it made.
class GuestFactory {
 public:
  virtual ~GuestFactory() = default;

  // A guest that is not started, of a `spec` whose fields are in form. May block.
  // FieldError whose path begins inside the Guest message ("oci.rootfs") where
  // the host has no such thing; Unimplemented for kinds that this server does not
  // run. A failure leaves nothing behind.
  virtual absl::StatusOr<std::unique_ptr<Guest>> Create(const v1::Guest& spec, const GuestIdentity& identity) = 0;

  // What an earlier server knew.
  struct Left {
    std::string first_process;  // Guest::FirstProcess
    UniqueFd link;              // of its interface or socket, where a worker had one
  };
  // The guest that an earlier server made, or had begun to make: with the
  // interface that it has, for Resume or Stop. May block. FailedPrecondition where
  // nothing of it can be found.
  virtual absl::StatusOr<std::unique_ptr<Guest>> Adopt(const v1::Guest& spec, const GuestIdentity& identity,
                                                       Left left) = 0;
};

// Where the server's guests live.
struct GuestFactoryOptions {
  // Absolute. Bundles and the runtime's own state go below it; OCI guests on the
  // host's own root do not see it.
  std::string state_dir;
  std::string oci_runtime = "runc";  // a path, or a name on PATH
  // sluice-init, a static program. Absolute.
  std::string init_path;
  // Where what guests are made of must lie; empty: anywhere.
  std::vector<std::string> path_roots = {};
  std::string qemu = "qemu-system-x86_64";  // a path, or a name on PATH
  // Of what one virtual machine may write to its disk.
  uint64_t vm_scratch_bytes = uint64_t{16} << 30;
  // Weighs containers and virtual machines; empty: they have no weight of their own.
  std::optional<CpuController> cpu = {};
  // Uids of sandboxes whose guests will be adopted.
  std::set<std::string> keep = {};
};

// Once a process: it makes this process the reaper of its orphaned descendants
// (PR_SET_CHILD_SUBREAPER), which is how it learns of a guest's exit code, and
// removes what guests of an earlier, dead server left behind, but for those that
// are kept. FailedPrecondition,
// one sentence, where the runtime, sluice-init or a permission is missing.
absl::StatusOr<std::unique_ptr<GuestFactory>> MakeGuestFactory(const GuestFactoryOptions& options);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_FACTORY_H_
