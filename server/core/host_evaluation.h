#ifndef SLUICE_SERVER_CORE_HOST_EVALUATION_H_
#define SLUICE_SERVER_CORE_HOST_EVALUATION_H_

#include "absl/status/statusor.h"
#include "netsvc/policy/rule.h"
#include "server/core/host_network.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// EvaluatePolicy for a policy that no sandbox has: as a sandbox made now, with
// nothing but that policy in its request, would be judged. `question` is as
// CheckEvaluate made it and has a policy; `floor` is the operator's. Reads the host's addresses, and
// compiles the policy, 0.2 s for the largest. Any thread.
absl::StatusOr<internal::v1::EvaluateResult> EvaluateOnHost(const internal::v1::Evaluate& question,
                                                            const HostNetwork& host, const policy::RuleProtos& floor);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_HOST_EVALUATION_H_
