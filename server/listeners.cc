#include "server/listeners.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <list>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "netsvc/base/unique_fd.h"
#include "server/worker/unix_socket.h"

namespace sluice {
namespace {

// A policy of 65,536 rules, and lists of names beside it.
constexpr int kMaxReceiveBytes = 64 << 20;

// A sockaddr_un less the NUL.
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

absl::Status CannotListen(const std::string& where, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("cannot listen at ", where, ": ", why));
}

// gRPC says why it cannot listen in its log alone, so the reasons that there
// are come first. Makes way for a Unix socket, where what stands there is one
// that nobody answers at.
absl::Status PrepareUnix(const std::string& path) {
  if (path.empty() || path.size() > kMaxSocketPath) {
    return CannotListen(path, absl::StrCat("a socket's path has 1 to ", kMaxSocketPath, " bytes"));
  }
  const std::filesystem::path parts(path);
  const std::string directory = parts.has_parent_path() ? parts.parent_path().string() : ".";
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return CannotListen(path, absl::StrCat(directory, " is not a directory"));
  }
  const std::filesystem::file_status there = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::exists(there)) return absl::OkStatus();
  if (!std::filesystem::is_socket(there)) return CannotListen(path, "what stands there is not a socket");
  if (ConnectUnix(directory, parts.filename()).ok()) return CannotListen(path, "somebody listens there already");
  if (unlink(path.c_str()) != 0) return CannotListen(path, strerror(errno));
  return absl::OkStatus();
}

absl::Status CheckTcp(const Endpoint& endpoint) {
  const UniqueFd fd(socket(endpoint.address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  sockaddr_storage storage;
  const socklen_t size = endpoint.ToSockaddr(storage);
  if (fd.valid() && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0) {
    return absl::OkStatus();
  }
  return CannotListen(endpoint.ToString(), strerror(errno));
}

absl::Status Prepare(const ServerOptions& options) {
  absl::Status status;
  for (const std::string& path : options.unix_sockets) status.Update(PrepareUnix(path));
  for (const Endpoint& endpoint : options.tcp_endpoints) status.Update(CheckTcp(endpoint));
  return status;
}

}  // namespace

absl::StatusOr<Listeners> Listen(const ServerOptions& options, const std::vector<NamedService>& services,
                                 std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> observer) {
  if (absl::Status ready = Prepare(options); !ready.ok()) return ready;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  for (const NamedService& named : services) builder.RegisterService(named.service);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> observers;
  if (observer != nullptr) observers.push_back(std::move(observer));
  builder.experimental().SetInterceptorCreators(std::move(observers));
  for (const std::string& path : options.unix_sockets) {
    builder.AddListeningPort(absl::StrCat("unix:", path), grpc::InsecureServerCredentials());
  }
  std::list<int> ports;
  for (const Endpoint& endpoint : options.tcp_endpoints) {
    builder.AddListeningPort(endpoint.ToString(), grpc::InsecureServerCredentials(), &ports.emplace_back(0));
  }
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  Listeners listeners;
  // The sockets are nobody else's from the moment they stand.
  const mode_t mask = umask(0177);
  listeners.server = builder.BuildAndStart();
  umask(mask);
  if (listeners.server == nullptr) return absl::FailedPreconditionError("one of the --listen addresses is in use");
  for (const NamedService& named : services) {
    listeners.server->GetHealthCheckService()->SetServingStatus(named.name, true);
  }
  std::vector<std::string> names;
  for (const std::string& path : options.unix_sockets) names.push_back(absl::StrCat("unix:", path));
  auto port = ports.begin();
  for (const Endpoint& endpoint : options.tcp_endpoints) {
    listeners.tcp.push_back({endpoint.address, static_cast<uint16_t>(*port++)});
    names.push_back(listeners.tcp.back().ToString());
  }
  listeners.description = absl::StrJoin(names, ", ");
  return listeners;
}

}  // namespace sluice
