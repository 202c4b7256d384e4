#ifndef SLUICE_SERVER_CORE_AUDIT_RETENTION_H_
#define SLUICE_SERVER_CORE_AUDIT_RETENTION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sluice/internal/v1/worker.pb.h"
#include "sluice/v1/sandbox.pb.h"

// How much of a sandbox's audit log is kept: what the server's flags say, or less
// where the sandbox asks for less. Any thread; no I/O.

namespace sluice {

// Eight segments are the least that retention can work with.
inline constexpr uint64_t kMinAuditBytes = 64 << 10;
inline constexpr absl::Duration kMinAuditAge = absl::Minutes(1);

// What is wrong on any server, as a FieldError whose path begins with `field`. Cuts
// max_age to whole seconds.
absl::Status CheckAudit(absl::string_view field, v1::AuditConfig& audit);
// Likewise on one whose flags say `most`, where 0 is no bound.
absl::Status CheckAuditFits(absl::string_view field, const v1::AuditConfig& audit,
                            const internal::v1::AuditOptions& most);

// `most`, with what `audit` asks for where that is less.
internal::v1::AuditOptions NarrowAudit(internal::v1::AuditOptions most, const v1::AuditConfig& audit);
absl::Duration NarrowAuditAge(absl::Duration most, const v1::AuditConfig& audit);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_AUDIT_RETENTION_H_
