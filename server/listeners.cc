#include "server/listeners.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sluice {
namespace {

// A policy of 65,536 rules, and lists of names beside it.
constexpr int kMaxReceiveBytes = 64 << 20;
// More than these calls on one connection wait for one of them to end. Above what
// a caller may have open as streams, so that a caller hears of that limit.
constexpr int kMaxCallsPerConnection = 100'000;
constexpr int kHandshakeTimeoutMilliseconds = 10'000;

constexpr mode_t kOwnerAlone = 0600;
constexpr mode_t kEverybody = 0666;

absl::Status CheckPassed(const ListeningSocket& socket, const ListenOptions& options) {
  if (!socket.tcp() || options.tls) return absl::OkStatus();
  if (options.allow_plaintext_tcp && IsLoopback(socket.tcp()->address)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the service manager passed ", socket.name(), ", TCP without TLS: only loopback with --allow_plaintext_tcp may be"));
}

absl::StatusOr<std::vector<ListeningSocket>> MakeSockets(const ListenOptions& options) {
  absl::StatusOr<std::vector<ListeningSocket>> sockets = ListeningSocket::Passed();
  if (!sockets.ok()) return sockets;
  for (const ListeningSocket& passed : *sockets) {
    if (absl::Status status = CheckPassed(passed, options); !status.ok()) return status;
  }
  for (const std::string& path : options.unix_sockets) {
    absl::StatusOr<ListeningSocket> socket =
        ListeningSocket::Unix(path, options.access_policy.empty() ? kOwnerAlone : kEverybody);
    if (!socket.ok()) return socket.status();
    sockets->push_back(*std::move(socket));
  }
  for (const Endpoint& endpoint : options.tcp_endpoints) {
    absl::StatusOr<ListeningSocket> socket = ListeningSocket::Tcp(endpoint);
    if (!socket.ok()) return socket.status();
    sockets->push_back(*std::move(socket));
  }
  // LISTEN_FDS may be another process's (sd_listen_fds(3)).
  if (sockets->empty()) {
    return absl::FailedPreconditionError("there is nothing to listen at: no --listen, and no socket of a service manager's");
  }
  return sockets;
}

}  // namespace

absl::StatusOr<Listeners> Listen(const ListenOptions& options, Served served) {
  absl::StatusOr<std::vector<ListeningSocket>> sockets = MakeSockets(options);
  if (!sockets.ok()) return sockets.status();
  Listeners listeners;
  if (options.tls) {
    absl::StatusOr<std::unique_ptr<TlsCredentials>> tls = TlsCredentials::Load(*options.tls);
    if (!tls.ok()) return tls.status();
    listeners.tls = *std::move(tls);
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMilliseconds);
  for (const NamedService& named : served.services) builder.RegisterService(named.service);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> observers;
  observers.push_back(MakeAccessLogger(served.access, served.access_log));
  if (served.observer != nullptr) observers.push_back(std::move(served.observer));
  builder.experimental().SetInterceptorCreators(std::move(observers));

  std::vector<std::string> names;
  for (const ListeningSocket& socket : *sockets) {
    names.push_back(socket.name());
    if (socket.tcp()) listeners.tcp.push_back(*socket.tcp());
  }
  listeners.description = absl::StrJoin(names, ", ");
  listeners.door = std::make_unique<Door>(Door::Options{*std::move(sockets),
                                                        listeners.tls != nullptr ? listeners.tls->get() : nullptr,
                                                        served.access, served.access_log,
                                                        options.max_connections_per_user},
                                          builder);
  listeners.server = builder.BuildAndStart();
  if (listeners.server == nullptr) return absl::InternalError("gRPC does not start its server");
  for (const NamedService& named : served.services) {
    listeners.server->GetHealthCheckService()->SetServingStatus(named.name, true);
  }
  listeners.door->Open();
  return listeners;
}

}  // namespace sluice
