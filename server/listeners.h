#ifndef SLUICE_SERVER_LISTENERS_H_
#define SLUICE_SERVER_LISTENERS_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "server/options.h"

namespace sluice {

// The gRPC server and where it can be reached.
struct Listeners {
  std::unique_ptr<grpc::Server> server;
  std::vector<Endpoint> tcp;  // with the ports that were bound
  std::string description;    // "unix:/run/sluice.sock, 127.0.0.1:50051"
};

// A service, and the name by which clients ask for its health.
struct NamedService {
  std::string name;  // "sluice.v1.SandboxService"
  grpc::Service* service;
};

// Serves `services` with reflection and health checking. Unix sockets have mode
// 0600; a socket that nobody answers at any more gives way. FailedPrecondition,
// one sentence, where an address cannot be listened at.
// `observer`, where there is one, sees every call.
absl::StatusOr<Listeners> Listen(const ServerOptions& options, const std::vector<NamedService>& services,
                                 std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> observer = nullptr);

}  // namespace sluice

#endif  // SLUICE_SERVER_LISTENERS_H_
