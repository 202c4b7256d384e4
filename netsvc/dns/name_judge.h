#ifndef SLUICE_NETSVC_DNS_NAME_JUDGE_H_
#define SLUICE_NETSVC_DNS_NAME_JUDGE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/dns/asked.h"
#include "netsvc/dns/block_lists.h"
#include "netsvc/dns/message_view.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/domain_set.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::dns {

// What an upstream's answer is worth to a guest.
struct AnswerJudgement {
  // Cannot be read to its end, or is not of class IN; nothing else counts then.
  bool malformed = false;
  policy::Verdict verdict = {};
  // What the name asked for resolved to, through CNAMEs; at most kMaxAddresses.
  std::vector<IpAddress> addresses = {};
  // Of the records that led there, the shortest.
  absl::Duration ttl = {};
};

// Decides about questions and answers; no I/O, no state but the configuration.
// Verdicts live as long as the policy that they were made by.
class NameJudge {
 public:
  // The name that stands for the gateway, whatever address it has (step 7).
  static const DomainName& GatewayName();

  // Addresses of one name that are told of; all are judged.
  static constexpr size_t kMaxAddresses = 1'024;

  struct Rules {
    const policy::CompiledPolicy& policy;
    const policy::AddressGroups& groups;
  };

  // `config` was validated: a pattern in it that does not parse, and a list that
  // is not there, are passed over. `lists` outlives the judge.
  NameJudge(const v1::DnsConfig& config, const BlockLists& lists);

  // Steps 4 to 6: may `name` be asked of that resolver?
  policy::Verdict OfQuery(const Rules& rules, const Asked& asked, const DomainName& name) const;

  // Step 5 alone: is `name` among the blocked domains, or on one of the block lists
  // as they are now? Whoever learns a name, from a query, an answer or a
  // connection's first bytes, asks this.
  bool Blocks(const DomainName& name) const;

  // Steps 5 and 11 for what was resolved before: would an answer with `address` for
  // `name` pass now?
  policy::Verdict OfPair(const Rules& rules, const DomainName& name, const IpAddress& address) const;

  // Steps 10 and 11: may the guest see what `name` was answered with?
  AnswerJudgement OfAnswer(const Rules& rules, const DomainName& name, const MessageView& answer) const;

  // Does the policy, or a block list, speak of names at all? Then none may be
  // hidden (step 12).
  bool NamesEnforced(const policy::CompiledPolicy& policy) const;

 private:
  class AnswerWalk;

  bool RebindingChecked(const policy::CompiledPolicy& policy, const DomainName& name) const;
  static bool Rebinds(const Rules& rules, const IpAddress& address);
  policy::Verdict OfAlias(const policy::CompiledPolicy& policy, const DomainName& target) const;

  policy::DomainSet blocked_;
  policy::DomainSet rebinding_exempt_;
  std::vector<const policy::DomainSet*> block_lists_;
  std::optional<bool> rebinding_protection_;
  bool names_blocked_;  // the caller's doing
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_NAME_JUDGE_H_
