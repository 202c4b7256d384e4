#ifndef SLUICE_SERVER_WORKER_EGRESS_PROGRAM_H_
#define SLUICE_SERVER_WORKER_EGRESS_PROGRAM_H_

#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/policy/never_allowed.h"

namespace sluice {

// cgroup BPF programs (BPF_PROG_TYPE_CGROUP_SOCK_ADDR) that refuse connect and
// sendmsg to certain addresses with EPERM. Loaded, not attached; closing the
// descriptors lets go of them. Needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN.
struct EgressPrograms {
  // One for each of kEgressHooks, in their order.
  std::vector<UniqueFd> programs;
};

// What is hooked: connect(2), and datagrams that name their destination, of both
// families (enum bpf_attach_type).
extern const std::vector<int> kEgressHooks;

// Refuses what `fates` says is never allowed, but for `exceptions`, of any
// protocol.
absl::StatusOr<EgressPrograms> LoadEgressPrograms(const std::vector<policy::PrefixFate>& fates,
                                                  const std::vector<Endpoint>& exceptions);

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_EGRESS_PROGRAM_H_
