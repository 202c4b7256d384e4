#ifndef SLUICE_SERVER_WORKER_EGRESS_BACKSTOP_H_
#define SLUICE_SERVER_WORKER_EGRESS_BACKSTOP_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/policy/never_allowed.h"
#include "server/base/cgroup.h"
#include "server/worker/egress_program.h"

namespace sluice {

// A second wall around one worker: the kernel itself refuses its sockets what its
// policy can never allow, so that a worker run by its guest does not reach it
// either. A cgroup (version 2) with BPF programs on it; sockets that were made
// outside, such as published ports, are left alone.
//
// One thread at a time.
class EgressBackstop {
 public:
  // Where this kernel has what is needed: the cgroup that workers' cgroups are
  // made in. FailedPrecondition, one sentence, where it has not.
  static absl::StatusOr<std::string> FindHome();

  // Nothing is refused before Set. `home` as FindHome said; `name` is the
  // cgroup's, as Cgroup::Create has it: one that an earlier server made is taken
  // over with what it refuses.
  static absl::StatusOr<std::unique_ptr<EgressBackstop>> Create(const std::string& home, absl::string_view name);
  EgressBackstop(const EgressBackstop&) = delete;
  EgressBackstop& operator=(const EgressBackstop&) = delete;

  // Sockets that `process` makes from now on stand behind the wall.
  absl::Status Add(pid_t process) { return group_->Add(process); }

  // Replaces what is refused. While it changes both the old and the new are;
  // after an error the old is, for the most part.
  absl::Status Set(const std::vector<policy::PrefixFate>& fates, const std::vector<Endpoint>& exceptions);

 private:
  EgressBackstop(std::unique_ptr<Cgroup> group, UniqueFd cgroup) : group_(std::move(group)), cgroup_(std::move(cgroup)) {}

  struct Attached {
    int hook = 0;  // enum bpf_attach_type
    UniqueFd program;
  };

  absl::Status FindAttached();

  const std::unique_ptr<Cgroup> group_;
  const UniqueFd cgroup_;  // its directory
  std::vector<Attached> attached_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_EGRESS_BACKSTOP_H_
