#ifndef SLUICE_NETSVC_WORKER_FLOW_JUDGE_H_
#define SLUICE_NETSVC_WORKER_FLOW_JUDGE_H_

#include <span>
#include <vector>

#include "netsvc/base/domain_name.h"
#include "netsvc/dns/bindings.h"
#include "netsvc/dns/name_judge.h"
#include "netsvc/flow/flow.h"
#include "netsvc/policy/judge.h"

namespace sluice {

// Judges flows by the policy and by the names that the sandbox resolved to their
// remote addresses. Decides; opens and ends nothing. Verdicts live as long as the
// policy in force. One thread.
class FlowJudge {
 public:
  struct Parts {
    const policy::Judge& judge;
    const dns::Bindings& bindings;
    // The sandbox's block list.
    const dns::NameJudge& names;
    // DnsConfig.require_resolved_addresses.
    bool require_resolved = false;
  };

  // What is to be said of a flow that is about to open.
  struct Opening {
    policy::Verdict verdict;
    // Live names of the remote.
    std::vector<DomainName> names = {};
    // Names whose time is over, and on which it depends whether the flow is
    // allowed. Where there are any, `verdict` is of no worth until they have been
    // resolved again.
    std::vector<DomainName> stale = {};
  };

  explicit FlowJudge(const Parts& parts) : parts_(parts) {}
  // The same by another judge, which outlives it.
  FlowJudge By(const policy::Judge& judge) const {
    return FlowJudge({judge, parts_.bindings, parts_.names, parts_.require_resolved});
  }

  void SetRequireResolved(bool require) { parts_.require_resolved = require; }

  Opening OfNew(v1::Direction direction, const flow::FlowKey& guest_side) const;

  // May `name` be asked, and would an answer with `address` pass?
  bool MayLead(const DomainName& name, const IpAddress& address) const;

  // Of an open flow, by the policy and DNS settings now in force and the names that
  // it opened under, or bears.
  policy::Verdict OfOpen(const flow::Flow& flow) const;

  // Are its first bytes to be looked at? Those of TCP and QUIC that the guest opens
  // are, where the policy has a domain peer or the sandbox a block list.
  bool Inspects(const flow::Flow& flow) const;

  // Of an egress flow whose first bytes name `name`.
  policy::Verdict OfNamed(const flow::Flow& flow, const DomainName& name) const;
  // Of one whose first bytes should name somebody, and name nobody.
  policy::Verdict OfNameless(const flow::Flow& flow) const;

 private:
  dns::NameJudge::Rules rules() const { return {parts_.judge.policy(), parts_.judge.groups()}; }
  policy::Verdict Evaluate(policy::FlowQuery query, std::span<const DomainName> names) const;
  bool AllowedByNamesOnly(const policy::FlowQuery& query) const;
  bool IsNameOf(const flow::Flow& flow, const DomainName& name) const;

  Parts parts_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_FLOW_JUDGE_H_
