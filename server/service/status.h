#ifndef SLUICE_SERVER_SERVICE_STATUS_H_
#define SLUICE_SERVER_SERVICE_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace sluice {

// What a client is told: the same code and message. A FieldError carries a
// google.rpc.BadRequest with its field in the details.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_STATUS_H_
