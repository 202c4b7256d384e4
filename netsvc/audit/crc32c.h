#ifndef SLUICE_NETSVC_AUDIT_CRC32C_H_
#define SLUICE_NETSVC_AUDIT_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace sluice::audit {

// CRC-32C (Castagnoli; RFC 3720 appendix B.4) of `data`, with the processor's
// own instruction where it has one. Any thread.
uint32_t Crc32c(absl::string_view data);

// The same by table, on any processor.
uint32_t Crc32cByTable(absl::string_view data);

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_CRC32C_H_
