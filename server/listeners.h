#ifndef SLUICE_SERVER_LISTENERS_H_
#define SLUICE_SERVER_LISTENERS_H_

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "server/access/access_control.h"
#include "server/access/access_log.h"
#include "server/access/door.h"
#include "server/access/tls_credentials.h"
#include "server/listen_options.h"

namespace sluice {

// The gRPC server and where it can be reached.
struct Listeners {
  std::unique_ptr<TlsCredentials> tls;  // null: TCP is in clear; ends last
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<Door> door;  // open; ends first
  std::vector<Endpoint> tcp;   // with the ports that were bound
  std::string description;     // "unix:/run/sluice.sock, 127.0.0.1:50051"
};

// A service, and the name by which clients ask for its health.
struct NamedService {
  std::string name;  // "sluice.v1.SandboxService"
  grpc::Service* service;
};

// What is served, and to whom; all of it outlives the server.
struct Served {
  std::vector<NamedService> services;
  const AccessControl& access;
  AccessLog& access_log;
  // Sees every call that a service gets. May be nothing.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> observer;
};

// Serves it, with reflection and health checking, at the addresses of `options`
// and those that a service manager passed. Unix sockets have mode 0600; with an
// access policy everybody may connect, and is UNAUTHENTICATED unless it names them.
// FailedPrecondition, one sentence, where an address cannot be listened at.
absl::StatusOr<Listeners> Listen(const ListenOptions& options, Served served);

}  // namespace sluice

#endif  // SLUICE_SERVER_LISTENERS_H_
