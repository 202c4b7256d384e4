#ifndef SLUICE_NETSVC_DNS_EVENT_H_
#define SLUICE_NETSVC_DNS_EVENT_H_

#include <cstdint>
#include <optional>
#include <span>

#include "absl/time/time.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/dns/asked.h"
#include "netsvc/dns/guest_query.h"
#include "netsvc/dns/message_writer.h"
#include "netsvc/policy/compiled_policy.h"
#include "sluice/v1/audit.pb.h"

// How a query's end is told: to the audit log, and to the guest.

namespace sluice::dns {

// What a query comes to, short of the records.
struct Outcome {
  policy::Verdict verdict = {};
  // Of the answer; nothing where none is given.
  std::optional<uint16_t> rcode = {};
  std::span<const IpAddress> addresses = {};
  absl::Duration ttl = {};
};

v1::DnsEvent ToEvent(const Asked& asked, const GuestQuery& query, const Outcome& outcome, absl::Duration latency);

// The Extended DNS Error of a denial: the reason's name without its prefix, and
// the rule's id where a rule of the caller decided ("RULE no-ads").
ExtendedError ErrorOf(const policy::Verdict& verdict);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_EVENT_H_
