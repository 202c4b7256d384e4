#ifndef SLUICE_CLIENTS_CLI_OCSF_H_
#define SLUICE_CLIENTS_CLI_OCSF_H_

#include <string>

#include "absl/time/time.h"
#include "sluice/v1/audit.pb.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice::cli {

// The version of the Open Cybersecurity Schema Framework (schema.ocsf.io) that
// the objects are of.
inline constexpr char kOcsfVersion[] = "1.3.0";

// One JSON object in one line, without its newline: Network Activity (4001) for
// flows, DNS Activity (4003) for queries, Base Event (0) for everything else, so
// that nothing is missing. docs/audit.md has the mapping.
std::string OcsfLine(const v1::AuditEvent& event);
// A Base Event; `now` is its time.
std::string OcsfLine(const v1::LostEvents& lost, absl::Time now);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_OCSF_H_
