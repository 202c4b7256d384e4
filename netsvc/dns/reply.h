#ifndef SLUICE_NETSVC_DNS_REPLY_H_
#define SLUICE_NETSVC_DNS_REPLY_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "netsvc/base/ip_address.h"
#include "netsvc/dns/guest_query.h"
#include "netsvc/dns/message_view.h"
#include "netsvc/dns/message_writer.h"

// The messages that a guest gets: in each the query's id, its question as it was
// written, RD and CD; RA set, AA and AD clear; EDNS where the query had it.

namespace sluice::dns {

using Reply = std::vector<uint8_t>;

// No records. `error` is given out where the query had EDNS; its text is cut at
// 128 bytes, so that the reply fits any guest.
Reply EmptyReply(const GuestQuery& query, uint16_t rcode, std::optional<ExtendedError> error = std::nullopt);

// No records, TC: to be asked again over TCP.
Reply TruncatedReply(const GuestQuery& query, uint16_t rcode);

// One A or AAAA record each.
Reply AddressReply(const GuestQuery& query, std::span<const IpAddress> addresses, uint32_t ttl);

// What RFC 8482 section 4.2 gives to who asks for ANY.
Reply AnyReply(const GuestQuery& query);

struct RelayOptions {
  // The reply's bytes at most; past it the reply is TruncatedReply.
  size_t limit = kMaxMessageSize;
  bool remove_ech = false;
  // Seconds since the answer came: taken off every TTL.
  uint32_t age = 0;
  // No TTL is given out longer than this.
  uint32_t max_ttl = std::numeric_limits<uint32_t>::max();
};

// An upstream's answer, record by record, without its OPT and TSIG. Nothing
// where it cannot be read to its end.
std::optional<Reply> RelayReply(const GuestQuery& query, const MessageView& answer, const RelayOptions& options);

bool IsTruncated(const Reply& reply);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_REPLY_H_
