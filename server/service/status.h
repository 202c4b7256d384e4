#ifndef SLUICE_SERVER_SERVICE_STATUS_H_
#define SLUICE_SERVER_SERVICE_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sluice {

// What a client is told: the same code and message, of which 1 KiB, so that it fits
// into the trailers that clients take. A FieldError carries a
// google.rpc.BadRequest with its field in the details, and what WithResource()
// made a google.rpc.ResourceInfo.
grpc::Status ToGrpc(const absl::Status& status);

// A NotFound or PermissionDenied of which programs can tell what it is about: a
// thing of `type` ("sandbox") called `name`. Any other status is returned as it is.
absl::Status WithResource(absl::string_view type, absl::string_view name, absl::Status status);

// "ok", "permission_denied": as metrics and logs write it.
std::string CodeName(grpc::StatusCode code);

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_STATUS_H_
