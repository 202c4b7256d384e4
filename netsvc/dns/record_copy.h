#ifndef SLUICE_NETSVC_DNS_RECORD_COPY_H_
#define SLUICE_NETSVC_DNS_RECORD_COPY_H_

#include <cstdint>

#include "netsvc/dns/message_view.h"
#include "netsvc/dns/message_writer.h"

namespace sluice::dns {

// Writes a record of `from` into another message: names that its data carries
// are read and written again. False where the data is not what its type says;
// the message written is then not to be used.
bool CopyRecord(const MessageView& from, const Record& record, uint32_t ttl, MessageWriter& to);

// The same for a SVCB or HTTPS record, without its ech parameter (RFC 9460,
// draft-ietf-tls-svcb-ech): no name is hidden from who enforces names.
bool CopyWithoutEch(const MessageView& from, const Record& record, uint32_t ttl, MessageWriter& to);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_RECORD_COPY_H_
