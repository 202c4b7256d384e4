#ifndef SLUICE_SERVER_GUEST_OCI_ERROR_H_
#define SLUICE_SERVER_GUEST_OCI_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sluice {

// What an OCI runtime's log says of why it failed, as one sentence for the one
// who asked. `log` is its --log file in JSON, `program` what was to be run.
// NotFound (no such program), PermissionDenied (not for this user),
// FailedPrecondition (the guest has ended), FieldError of "working_directory" or
// "args"; Internal, with the runtime's own words, for everything else.
absl::Status ExplainRuntimeError(absl::string_view log, absl::string_view program);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_OCI_ERROR_H_
