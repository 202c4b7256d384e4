#ifndef SLUICE_NETSVC_WORKER_EXPLAINER_H_
#define SLUICE_NETSVC_WORKER_EXPLAINER_H_

#include <optional>

#include "absl/status/statusor.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/dns/asked.h"
#include "netsvc/dns/name_judge.h"
#include "netsvc/policy/judge.h"
#include "netsvc/worker/flow_judge.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// Answers EvaluatePolicy: says what would become of a flow or a name, by the
// judges that decide when it comes. Opens, counts and records nothing. One
// thread.
class Explainer {
 public:
  // All outlive it.
  struct Parts {
    const policy::Judge& judge;
    const FlowJudge& flows;
    const dns::NameJudge& names;
    // The sandbox's own resolver.
    IpAddress resolver;
  };

  explicit Explainer(const Parts& parts) : parts_(parts) {}

  // By the judges' policy, whatever policy `question` has in it. FieldError with
  // the path in the public request.
  absl::StatusOr<internal::v1::EvaluateResult> Explain(const internal::v1::Evaluate& question) const;

 private:
  policy::Verdict OfQuery(const dns::Asked& asked, const std::optional<DomainName>& name) const;
  policy::Verdict OfFlow(const internal::v1::Evaluate& question, const IpAddress& remote,
                         const std::optional<DomainName>& name) const;

  const Parts parts_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_EXPLAINER_H_
