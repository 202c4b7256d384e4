#ifndef SLUICE_NETSVC_DNS_GUEST_QUERY_H_
#define SLUICE_NETSVC_DNS_GUEST_QUERY_H_

#include <cstdint>
#include <optional>

#include "netsvc/base/domain_name.h"
#include "netsvc/dns/message_view.h"

namespace sluice::dns {

// What a guest asked; all that an answer needs of it, without its bytes.
struct GuestQuery {
  uint16_t id = 0;
  uint16_t flags = 0;
  // As the guest wrote it; nothing where it could not be read.
  std::optional<Question> question = {};
  DomainName name = {};  // the question's
  // The largest UDP answer that the guest takes. Nothing: it has no EDNS.
  std::optional<uint16_t> edns_size = {};
  // kNoError: a question that can be judged. kFormErr, kNotImp: not one at all.
  // kRefused, kBadVers: well formed, and not served.
  uint16_t problem = 0;
};

// Steps 1 to 3: the shape of a query, before anything is judged.
GuestQuery ParseGuestQuery(const MessageView& message);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_GUEST_QUERY_H_
