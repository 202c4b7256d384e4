#ifndef SLUICE_CLIENTS_CPP_STATUS_H_
#define SLUICE_CLIENTS_CPP_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace sluice::client {

// The same code and message. The server's messages name the field that is
// wrong: "sandbox.network.ports[0].guest_port: is required".
inline absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_STATUS_H_
