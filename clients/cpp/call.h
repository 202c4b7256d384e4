#ifndef SLUICE_CLIENTS_CPP_CALL_H_
#define SLUICE_CLIENTS_CPP_CALL_H_

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clients/cpp/status.h"
#include "grpcpp/client_context.h"

namespace sluice::client {

// One call without streams, such as &v1::SandboxService::Stub::GetSandbox.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                              const Request& request, absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return ToAbsl(status);
  return response;
}

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_CALL_H_
